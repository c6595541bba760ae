/** Text in which the addresses of other relays can be followed; nothing else of it is read. */
export function LinkedText({ text }: { text: string }) {
  return (
    <>
      {text.split(ADDRESS).map((part, index) =>
        index % 2 === 1 ? (
          <a key={index} href={part} rel="noreferrer">
            {part}
          </a>
        ) : (
          part
        ),
      )}
    </>
  );
}

/** An origin, as relays are named by. */
const ADDRESS = /(https?:\/\/[a-z0-9.:[\]-]*[a-z0-9\]])/i;
