/** Raised with every change of a message or of what is signed; the two ends must agree exactly. */
export const PROTOCOL_VERSION = 3;
