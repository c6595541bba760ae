import { useEffect, useRef } from 'preact/hooks';
import { useSite } from '../../site.ts';
import { Answer } from './answer.tsx';
import { EmptyThread } from './empty-thread.tsx';
import { Question } from './question.tsx';
import { useChat } from './use-chat.ts';

/** Within this many pixels of the end a reader is taken to follow along. */
const FOLLOW_PIXELS = 80;

/** The messages, scrolled along with a growing answer while the reader is at its end. */
export function Thread() {
  const site = useSite();
  const chat = useChat();
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const follow = useRef(true);
  const messages = chat.messages.value;
  const answering = chat.answering.value;
  const wasAnswering = useRef(false);

  useEffect(() => {
    const box = scroller.current;
    const inner = content.current;
    if (!box || !inner) return undefined;
    const toEnd = () => {
      if (follow.current) box.scrollTop = box.scrollHeight;
    };
    const observer = new ResizeObserver(toEnd);
    observer.observe(inner);
    observer.observe(box);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    follow.current = true;
    if (scroller.current) scroller.current.scrollTop = scroller.current.scrollHeight;
  }, [messages.length, chat.current.value?.id]);
  useEffect(() => {
    if (answering !== wasAnswering.current)
      site.announcement.value = answering ? 'Waiting for the answer' : 'The answer has ended';
    wasAnswering.current = answering;
  }, [answering]);

  return (
    <div
      class="chat-thread"
      ref={scroller}
      tabIndex={-1}
      onScroll={({ currentTarget: box }) => {
        follow.current = box.scrollHeight - box.scrollTop - box.clientHeight < FOLLOW_PIXELS;
      }}
    >
      <div class="chat-column" ref={content}>
        {messages.length === 0 && chat.phase.value === 'ready' && <EmptyThread />}
        {messages.map((live) =>
          live.message.peek().role === 'user' ? (
            <Question key={live.id} live={live} />
          ) : (
            <Answer key={live.id} live={live} />
          ),
        )}
      </div>
    </div>
  );
}
