/** What goes wrong in a TLS handshake, in words. Pure. */

/** Codes of Node.js for what goes wrong in a handshake (its manual, "X509 certificate error codes" and "OpenSSL errors"). */
const tlsCode = /^(EPROTO$|ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_)/;
const unknownAuthority = 'we know no authority that vouches for its certificate';
const certificateTroubles: Readonly<Record<string, string>> = {
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is of another name',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknownAuthority,
  SELF_SIGNED_CERT_IN_CHAIN: unknownAuthority,
  DEPTH_ZERO_SELF_SIGNED_CERT: unknownAuthority,
};

/** @param code of Node.js */
export function isTlsTrouble(code: string): boolean {
  return tlsCode.test(code);
}

/** @param server as it stands in a sentence */
export function tlsTroubleWords(server: string, code: string): string {
  const why = certificateTroubles[code];
  return `no secure connection to ${server} was to be had${why ? `: ${why}` : ''}`;
}
