import { CopyButton } from '../../components/copy-button.tsx';
import { Icon } from '../../components/icon.tsx';
import { Markdown } from '../../components/markdown.tsx';
import { AnswerProblem } from './answer-problem.tsx';
import { useChoice } from './choice.ts';
import { RouteLine } from './route-line.tsx';
import { useChat } from './use-chat.ts';
import { waitingWords } from './words.ts';
import type { LiveMessage } from '../../state/answer-writer.ts';

/** One answer as it grows, then who made it. */
export function Answer({ live }: { live: LiveMessage }) {
  const chat = useChat();
  const choice = useChoice();
  const message = live.message.value;
  const { content, status, position, report } = message;
  const writing = status === 'streaming';
  const busy = chat.answering.value;
  const again = (how: 'regenerate' | 'resume') => () => {
    const chosen = choice.send();
    if (chosen !== null) void chat[how](position, chosen);
  };
  return (
    <article class="answer" aria-label="Answer" aria-busy={writing}>
      <div class="answer-text" data-testid="chat-answer" data-status={status}>
        <Markdown text={content} />
      </div>
      {writing && (live.waiting.value !== null || content === '') && (
        <p class="answer-waiting soft">
          <span class="dot" data-tone="busy" aria-hidden="true" />
          {waitingWords(live.waiting.value, content !== '')}
        </p>
      )}
      {!writing && (
        <>
          <AnswerProblem message={message} />
          <div class="answer-foot">
            {report !== null && (content !== '' || status === 'complete') && <RouteLine report={report} />}
            <div class="message-actions">
              {content !== '' && <CopyButton text={() => content} label="Copy the answer" />}
              {(status === 'interrupted' || (status === 'failed' && content !== '')) && (
                <button class="button" disabled={busy} onClick={again('resume')}>
                  <Icon name="play" size={18} /> Continue
                </button>
              )}
              <button
                class={content === '' ? 'button' : 'button button-quiet icon-button'}
                aria-label={content === '' ? undefined : 'Regenerate the answer'}
                title="Ask for this answer again"
                disabled={busy}
                onClick={again('regenerate')}
              >
                <Icon name="refresh" size={18} />
                {content === '' && 'Ask again'}
              </button>
            </div>
          </div>
        </>
      )}
    </article>
  );
}
