/** ISO 8601 in UTC. @param timeMs milliseconds since the Unix epoch */
export const isoTime = (timeMs: number): string => new Date(timeMs).toISOString();
