/** A request body that is made while it is sent: never whole in memory, its length known beforehand. */
export interface BodyStream {
  sizeBytes: number;
  /** Read once. When it throws, the request ends as `network`. */
  chunks: AsyncIterable<Uint8Array>;
}

/** The chunks of a body; `onTaken` is called whenever the connection has taken one and wants the next. */
export async function* takenChunks(
  { chunks }: BodyStream,
  onTaken: () => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    yield chunk;
    onTaken();
  }
}
