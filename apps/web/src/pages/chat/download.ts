import { openConversationStore } from '../../storage/conversation-store.ts';
import { exportFileName, exportMarkdown } from '../../state/transcript.ts';
import type { StoredConversation } from '../../storage/schema.ts';

/** Saves a conversation as a markdown file through the browser's own download. */
export async function downloadConversation(conversation: StoredConversation): Promise<void> {
  const store = await openConversationStore();
  try {
    const text = exportMarkdown(conversation, await store.messages(conversation.id));
    const address = URL.createObjectURL(new Blob([text], { type: 'text/markdown' }));
    const link = document.createElement('a');
    link.href = address;
    link.download = exportFileName(conversation.title);
    link.click();
    // The download has its own hold on the bytes by the next turn.
    setTimeout(() => URL.revokeObjectURL(address), 0);
  } finally {
    store.close();
  }
}
