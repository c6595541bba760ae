/** Checked by tsc: our answers are what the `openai` package says an API returns. */
import type OpenAI from 'openai';
import type { ParameterName } from './parameters.ts';
import type { ChatCompletion, ChatCompletionChunk, ErrorBody, Model, ModelList } from './types.ts';

type Assignable<Ours extends Theirs, Theirs> = Ours;
type Never<Nothing extends never> = Nothing;

export type Completion = Assignable<ChatCompletion, OpenAI.Chat.ChatCompletion>;
export type Chunk = Assignable<ChatCompletionChunk, OpenAI.Chat.ChatCompletionChunk>;
export type ListedModel = Assignable<Model, OpenAI.Model>;
export type Listing = Assignable<ModelList['data'], OpenAI.Models.ModelsPage['data']>;
export type Failure = Assignable<ErrorBody['error'], OpenAI.ErrorObject>;

/** Every parameter the package knows has its row in our table: none is ignored by oversight. */
export type Forgotten = Never<Exclude<keyof OpenAI.Chat.ChatCompletionCreateParams, ParameterName>>;
