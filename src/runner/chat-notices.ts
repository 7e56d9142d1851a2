import type { ChatLanguage } from '../core/language.ts';
import { readInbound } from '../ilink/inbound.ts';
import { joinStored } from '../ilink/joined.ts';
import type { ChatNews } from '../store/port.ts';
import { CHAT_COMMANDS } from './chat-commands.ts';
import { stamp } from './notices.ts';

/** How much of a message that runs again is quoted. */
const QUOTE_CHARS = 40;

/** What a user is told about a message of his that no agent gets, in the language of that message. */
export function chatNotice(news: ChatNews, language: ChatLanguage, agent: string): string {
  return language === 'zh' ? inChinese(news, agent) : inEnglish(news, agent);
}

function inEnglish(news: ChatNews, agent: string): string {
  switch (news.about) {
    case 'stop': {
      const { ended, dropped } = news;
      if (dropped === 0) return ended ? 'Stopped. No other message was waiting.' : 'Nothing is at work.';
      const waiting = dropped === 1 ? 'The message that waited' : `The ${dropped} messages that waited`;
      return `Stopped. ${waiting} will not be answered; /again runs the last one.`;
    }
    case 'new': {
      const { unfinished } = news;
      const older = unfinished === 1 ? '1 earlier message is' : `${unfinished} earlier messages are`;
      const still = unfinished === 0 ? '' : ` ${older} still being answered in the old one.`;
      return `A new conversation begins with your next message.${still}`;
    }
    case 'again':
      if (news.message) return `Running again: "${quote(news.message)}"`;
      return news.isBusy ? 'Your last message is still at work.' : 'There is no message to run again.';
    case 'status': {
      const held = news.held === 0 ? '' : `\nWaiting to be sent to you: ${news.held}`;
      return `Agent: ${agent}\nAt work: ${news.running}, waiting: ${news.waiting}${held}\nUntil you write again you can get ${news.budgetLeft} more messages, before ${untilOf(news)}`;
    }
    case 'help':
      return [
        '/stop: end what is at work, and drop what waits',
        '/new: begin a new conversation',
        '/again: run the last message again',
        '/status: what is going on',
        '/help: this list',
        `${Object.values(CHAT_COMMANDS)
          .map(({ zh }) => `/${zh}`)
          .join(' ')} do the same. Everything else is for the agent; //x gives it /x.`,
      ].join('\n');
    case 'busy':
      return 'Your last message is still at work, so this one is not taken. Write again after the answer.';
  }
}

function inChinese(news: ChatNews, agent: string): string {
  switch (news.about) {
    case 'stop': {
      const { ended, dropped } = news;
      if (dropped === 0) return ended ? '已停止。没有其他消息在等待。' : '现在没有正在处理的消息。';
      return `已停止。等待中的 ${dropped} 条消息不再处理；发送 /重来 可处理其中最后一条。`;
    }
    case 'new': {
      const { unfinished } = news;
      return `从下一条消息起开始新对话。${unfinished === 0 ? '' : `之前的 ${unfinished} 条消息仍在旧对话中处理。`}`;
    }
    case 'again':
      if (news.message) return `重新处理：“${quote(news.message)}”`;
      return news.isBusy ? '上一条消息还在处理中。' : '没有可以重来的消息。';
    case 'status': {
      const held = news.held === 0 ? '' : `\n待发给你：${news.held} 条`;
      return `智能体：${agent}\n处理中 ${news.running} 条，等待 ${news.waiting} 条${held}\n你再次发消息之前还能收到 ${news.budgetLeft} 条，截止 ${untilOf(news)}`;
    }
    case 'help':
      return [
        '/停：停止正在处理的，等待中的也不再处理',
        '/新：开始新对话',
        '/重来：重新处理上一条消息',
        '/状态：查看现在的情况',
        '/帮助：显示这份说明',
        `也可以用 ${Object.values(CHAT_COMMANDS)
          .map(({ en }) => `/${en}`)
          .join(' ')}。其余内容都交给智能体；发 //x，智能体收到的是 /x。`,
      ].join('\n');
    case 'busy':
      return '上一条消息还在处理中，这一条没有收下。请等回复后再发。';
  }
}

function quote(message: { raw: Buffer; textFrom: number }): string {
  const { text, kind } = readInbound(joinStored([message]));
  const line = text.replace(/\s+/g, ' ').trim() || `[${kind}]`;
  const chars = [...line];
  return chars.length > QUOTE_CHARS ? `${chars.slice(0, QUOTE_CHARS - 1).join('')}…` : line;
}

function untilOf(news: { windowEndsAtMs: number }): string {
  return stamp(new Date(news.windowEndsAtMs), true);
}
