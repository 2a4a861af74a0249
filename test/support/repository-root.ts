/** Absolute path of the checkout the tests run in. */
export const repositoryRoot = new URL('../../', import.meta.url).pathname;
