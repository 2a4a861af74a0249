/** What the bench uses of autocannon, which comes without types. */
declare module 'autocannon' {
  interface Options {
    readonly url: string;
    readonly connections: number;
    /** Seconds. */
    readonly duration: number;
    readonly tlsOptions: { readonly cert: Buffer; readonly key: Buffer; readonly ca: Buffer };
  }
  interface Result {
    readonly '2xx': number;
    readonly non2xx: number;
    readonly errors: number;
    readonly requests: { readonly average: number };
    readonly throughput: { readonly total: number };
  }
  export default function autocannon(options: Options): Promise<Result>;
}
