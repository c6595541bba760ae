import type { ComponentChildren } from 'preact';

/** Three facts, each with the picture that shows it. */
export function HowItWorks() {
  return (
    <section aria-labelledby="how">
      <h2 id="how">How it works</h2>
      <ol class="how" role="list">
        <Fact
          title="1. The relay chooses"
          text="Your question goes to the peer that should finish first: its queue, its measured speed."
        >
          <ChoosePicture />
        </Fact>
        <Fact
          title="2. A peer computes"
          text="Its tab holds the model. Every 1 MiB of the weights was checked against a known sha256 before use."
        >
          <VerifyPicture />
        </Fact>
        <Fact
          title="3. If it leaves, another goes on"
          text="Question and tokens so far move to the next peer. You see a pause, not an error, and no word twice."
        >
          <FailoverPicture />
        </Fact>
      </ol>
    </section>
  );
}

function Fact({ title, text, children }: { title: string; text: string; children: ComponentChildren }) {
  return (
    <li class="fact">
      {children}
      <h3>{title}</h3>
      <p class="soft">{text}</p>
    </li>
  );
}

const PEERS = [
  { y: 24, words: '2 waiting', speed: '90/s', chosen: false },
  { y: 66, words: 'free', speed: '74/s', chosen: true },
  { y: 108, words: 'free', speed: '31/s', chosen: false },
] as const;

function ChoosePicture() {
  return (
    <svg
      class="picture"
      viewBox="0 0 280 132"
      role="img"
      aria-label="You, a relay, and three peers; the line leads to the free peer with 74 tokens per second."
    >
      {PEERS.map((peer) => (
        <path
          key={peer.y}
          class={peer.chosen ? 'line-on' : 'line'}
          d={`M124 66 C 150 66, 150 ${peer.y}, 176 ${peer.y}`}
        />
      ))}
      <path class="line-on" d="M52 66H100" />
      <circle class="node" cx="36" cy="66" r="16" />
      <text x="36" y="70">
        you
      </text>
      <rect class="node" x="98" y="52" width="44" height="28" rx="6" />
      <text x="120" y="70">
        relay
      </text>
      {PEERS.map((peer) => (
        <g key={peer.y}>
          <rect class={peer.chosen ? 'node-on' : 'node'} x="176" y={peer.y - 15} width="98" height="30" rx="6" />
          <text class={peer.chosen ? 'text-on' : ''} x="225" y={peer.y + 4}>
            {peer.words} · {peer.speed}
          </text>
        </g>
      ))}
    </svg>
  );
}

const CHUNKS = Array.from({ length: 24 }, (_, index) => index);
const CHECKED_CHUNKS = 17;

function VerifyPicture() {
  return (
    <svg
      class="picture"
      viewBox="0 0 280 132"
      role="img"
      aria-label="A model file as 24 pieces; 17 are checked, the next ones are on their way."
    >
      {CHUNKS.map((index) => {
        const checked = index < CHECKED_CHUNKS;
        const x = 16 + (index % 8) * 31.5;
        const y = 14 + Math.floor(index / 8) * 30;
        return (
          <g key={index}>
            <rect class={checked ? 'node-on' : 'node'} x={x} y={y} width="26" height="24" rx="4" />
            {checked && <path class="tick" d={`m${x + 8} ${y + 12.5} 3.5 3.5 6.5-7`} />}
          </g>
        );
      })}
      <text class="start" x="16" y="121">
        sha256 of each piece = manifest?
      </text>
    </svg>
  );
}

const WORDS = ['The', 'tide', 'turns', 'when', 'the', 'moon', 'pulls'];
const LOST_AFTER = 3;

function FailoverPicture() {
  return (
    <svg
      class="picture"
      viewBox="0 0 280 132"
      role="img"
      aria-label="The first words of a sentence come from peer A, which leaves; the rest come from peer B without a gap."
    >
      <text class="start" x="16" y="30">
        peer A
      </text>
      <text class="start" x="16" y="92">
        peer B
      </text>
      <path class="line-on" d="M66 26H150" />
      <path class="cross" d="m146 20 12 12m0-12-12 12" />
      <path class="line dashed" d="M152 38V78" />
      <path class="line-on" d="M152 88H268" />
      {WORDS.map((word, index) => (
        <text
          key={word + String(index)}
          class={index < LOST_AFTER ? 'word' : 'word text-accent'}
          x={30 + index * 37}
          y="121"
        >
          {word}
        </text>
      ))}
    </svg>
  );
}
