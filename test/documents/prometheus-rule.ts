/** The rules of config/monitoring as the operator of Prometheus takes them; kustomize cannot put one file into another. Pure. */

const head = `# Made by \`npm run -s openapi\`, from config/monitoring/alerts.yaml. Do not edit.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: jobs-api
  namespace: jobs-api
spec:
`;

/** @param rules text of a file of rules, as Prometheus reads it */
export function prometheusRule(rules: string): string {
  const groups = rules.slice(rules.indexOf('groups:'));
  return head + groups.replace(/^(?=.)/gm, '  ');
}
