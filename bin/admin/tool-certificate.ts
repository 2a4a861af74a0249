/** A client certificate for a tool, signed by the cluster itself through its CSR API (kubernetes.io, Certificate Signing Requests). */
import { createHash } from 'node:crypto';
import type { KubeObject, Tool } from '../../src/domain.ts';
import { AppError } from '../../src/errors.ts';
import type { Kube } from '../../src/kube.ts';
import { createKeyAndRequest } from './tool-csr.ts';
import { find, remove, waitFor } from './tool-kube.ts';

export interface IssuedPair {
  /** PEM */
  readonly cert: string;
  readonly key: string;
}

interface RequestStatus {
  readonly certificate?: string;
  readonly conditions?: readonly { readonly type: string; readonly message?: string }[];
}

const api = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
const signWaitMs = 30_000;

/**
 * Makes a key, asks, approves, waits and tidies up.
 * @throws AppError `kube.refused` when the signer says no; `kube.unreachable` when it says nothing for 30 s
 */
export async function issueCertificate(kube: Kube, tool: Tool, days: number): Promise<IssuedPair> {
  const { key, request } = createKeyAndRequest('toolforge', tool.name);
  const name = `toolforge-jobs-${tool.name}-${createHash('sha256').update(request).digest('hex').slice(0, 10)}`;
  const path = `${api}/${encodeURIComponent(name)}`;
  const created = (await kube.request({
    method: 'POST',
    path: api,
    body: requestObject(name, request, days),
  })) as KubeObject;
  try {
    await kube.request({ method: 'PUT', path: `${path}/approval`, body: approved(created) });
    const cert = await waitFor(() => signedCertificate(kube, path), 'the cluster to sign the certificate', signWaitMs);
    return { cert, key };
  } finally {
    await remove(kube, path);
  }
}

function requestObject(name: string, request: string, days: number): KubeObject {
  return {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name },
    spec: {
      request: Buffer.from(request).toString('base64'),
      signerName: 'kubernetes.io/kube-apiserver-client',
      usages: ['client auth'],
      expirationSeconds: days * 86_400,
    },
  };
}

function approved(request: KubeObject): KubeObject {
  const condition = {
    type: 'Approved',
    status: 'True',
    reason: 'ToolAdded',
    message: 'Approved by toolforge-jobs-admin tool add',
  };
  return { ...request, status: { conditions: [condition] } };
}

async function signedCertificate(kube: Kube, path: string): Promise<string | undefined> {
  const status = ((await find(kube, path))?.status ?? {}) as RequestStatus;
  const bad = status.conditions?.find(({ type }) => type === 'Failed' || type === 'Denied');
  if (bad) throw new AppError('kube.refused', `The cluster does not sign the certificate: ${bad.message ?? bad.type}`);
  return status.certificate ? Buffer.from(status.certificate, 'base64').toString('utf8') : undefined;
}
