/** What is given back is given back once, however often its holder says that it is over. */

export function once(act: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    act();
  };
}
