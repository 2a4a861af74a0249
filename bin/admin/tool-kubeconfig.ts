/** The kubeconfig in a tool's home, in the form kubectl writes: for the tool's people, never read by the daemon. */
import type { Tool } from '../../src/domain.ts';

export interface ToolKubeconfigOptions {
  readonly tool: Tool;
  /** `https://host:port` of the API server, as the tool's people reach it. */
  readonly server: string;
  /** PEM that verifies it. */
  readonly ca: string;
  /** What stands before `.toolskube/`: the home's own path, or `..`, which kubectl takes from where the kubeconfig lies. */
  readonly home: string;
}

/** Every value is quoted as JSON does, which YAML reads the same. */
export function toolKubeconfig({ tool, server, ca, home }: ToolKubeconfigOptions): string {
  const user = `tf-${tool.name}`;
  const q = (text: string) => JSON.stringify(text);
  return `apiVersion: v1
kind: Config
current-context: toolforge
clusters:
- name: toolforge
  cluster:
    server: ${q(server)}
    certificate-authority-data: ${q(Buffer.from(ca).toString('base64'))}
contexts:
- name: toolforge
  context:
    cluster: toolforge
    namespace: ${q(tool.namespace)}
    user: ${q(user)}
users:
- name: ${q(user)}
  user:
    client-certificate: ${q(`${home}/.toolskube/client.crt`)}
    client-key: ${q(`${home}/.toolskube/client.key`)}
`;
}
