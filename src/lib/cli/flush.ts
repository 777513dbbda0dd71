/** Waits until all that was written to stdout and stderr has left the process; a pipe takes its time. */
export async function flush(): Promise<void> {
  await Promise.all(
    [process.stdout, process.stderr].map(
      (stream) =>
        new Promise<void>((done) =>
          stream.destroyed || stream.writableLength === 0 ? done() : stream.write('', () => done()),
        ),
    ),
  )
}
