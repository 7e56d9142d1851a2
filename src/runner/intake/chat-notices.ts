import type { ChatLanguage } from '../../core/message/language.ts';
import type { ChatNotice } from '../../store/port/port.ts';
import { excerptOf, stamp, truncate } from '../delivery/notices.ts';
import { CHAT_COMMANDS } from './chat-commands.ts';

/** Characters of the agent's command that `/status` shows. */
const AGENT_CHARS = 40;

/** The notice about a message that no agent gets. */
export function chatNotice(news: ChatNotice, language: ChatLanguage, agent: string): string {
  const shown = truncate(agent.replace(/\s+/g, ' ').trim(), AGENT_CHARS);
  return language === 'zh' ? inChinese(news, shown) : inEnglish(news, shown);
}

function inEnglish(news: ChatNotice, agent: string): string {
  switch (news.about) {
    case 'stop': {
      const { ended, dropped } = news;
      if (dropped === 0) return ended ? 'Stopped. No other message was queued.' : 'Nothing is running.';
      const queued = dropped === 1 ? 'The queued message' : `The ${dropped} queued messages`;
      return `Stopped. ${queued} will not be answered; /again runs the last one.`;
    }
    case 'new': {
      const { unfinished } = news;
      const older = unfinished === 1 ? '1 earlier message is' : `${unfinished} earlier messages are`;
      const still = unfinished === 0 ? '' : ` ${older} still being answered in the old one.`;
      return `A new session begins with your next message.${still}`;
    }
    case 'again':
      if (news.message) return `Running again: "${excerptOf([news.message])}"`;
      return news.isBusy ? 'Your last message is still running.' : 'There is no message to run again.';
    case 'status': {
      const held = news.held === 0 ? '' : `\nHeld until you write: ${news.held}`;
      return `Agent: ${agent}\nRunning: ${news.running}, queued: ${news.waiting}${held}\nI can send you ${news.budgetLeft} more messages until you write again (by ${untilOf(news)}).`;
    }
    case 'help':
      return [
        '/stop: end what is running, and drop what is queued',
        '/new: begin a new session',
        '/again: run the message that just failed again; if none failed, the last one',
        '/status: what is going on',
        '/help: this list',
        `${Object.values(CHAT_COMMANDS)
          .map(({ zh }) => `/${zh}`)
          .join(' ')} do the same. Everything else is for the agent. To send “/x” to the agent, type “//x”.`,
      ].join('\n');
    case 'busy':
      return 'Your last message is still running, so this one is not taken. Write again after the reply.';
    case 'answer': {
      const [first] = news.questions;
      const number = `#${first?.number}`;
      switch (news.why) {
        case 'unclear':
          return `Question ${number} was not answered. Reply with ${choicesOf(first, ' or ') ?? `${number} and your answer`}.`;
        case 'which':
          return `Several questions are open. Quote the one you mean, or begin with its number: ${number} ${sampleOf(first) ?? 'answer'}`;
        case 'late':
          return `Question ${number} is closed: your answer came too late and does not count.`;
        case 'kept':
          return `Your answer to question ${number} is stored. The program that asked is not running now; it gets the answer if it asks again soon.`;
      }
    }
  }
}

function inChinese(news: ChatNotice, agent: string): string {
  switch (news.about) {
    case 'stop': {
      const { ended, dropped } = news;
      if (dropped === 0) return ended ? '已停止。没有其他排队的消息。' : '现在没有正在处理的消息。';
      return `已停止，排队的 ${dropped} 条也已取消。发 /重来 可重新处理最后一条。`;
    }
    case 'new': {
      const { unfinished } = news;
      return `从下一条消息起开始新会话。${unfinished === 0 ? '' : `之前的 ${unfinished} 条消息仍在旧会话中处理。`}`;
    }
    case 'again':
      if (news.message) return `重新处理：“${excerptOf([news.message])}”`;
      return news.isBusy ? '上一条消息还在处理中。' : '没有可以重来的消息。';
    case 'status': {
      const held = news.held === 0 ? '' : `\n暂存，等你发消息后补发：${news.held} 条`;
      return `智能体：${agent}\n处理中 ${news.running} 条，排队 ${news.waiting} 条${held}\n在你下次发消息前还能收到 ${news.budgetLeft} 条（到 ${untilOf(news)} 为止）`;
    }
    case 'help':
      return [
        '/停：停止当前处理，并清空排队的消息',
        '/新：开始新会话',
        '/重来：重试刚才失败的消息；没有失败的，就重新处理上一条',
        '/状态：查看现在的情况',
        '/帮助：显示这份说明',
        `也可以用 ${Object.values(CHAT_COMMANDS)
          .map(({ en }) => `/${en}`)
          .join(' ')}。其他消息都交给智能体。想把“/x”发给智能体，请发“//x”。`,
      ].join('\n');
    case 'busy':
      return '上一条还在处理，这条暂不受理。请等回复后再发。';
    case 'answer': {
      const [first] = news.questions;
      const number = `#${first?.number}`;
      switch (news.why) {
        case 'unclear':
          return `没有看懂对问题 ${number} 的回答。请回复 ${choicesOf(first, ' 或 ') ?? `${number} 加上你的回答`}。`;
        case 'which':
          return `现在有多个问题在等回答。请引用要回答的那条，或以序号开头：${number} ${sampleOf(first) ?? '你的回答'}`;
        case 'late':
          return `问题 ${number} 已经结束，你的回答来晚了，没有生效。`;
        case 'kept':
          return `已记下你对问题 ${number} 的回答。提问的程序现在没有运行，它很快再问同一个问题时会收到。`;
      }
    }
  }
}

type NamedQuestion = Extract<ChatNotice, { about: 'answer' }>['questions'][number] | undefined;

/** `yes or no`; null without choices. */
function choicesOf(question: NamedQuestion, or: string): string | null {
  return question?.choices?.map(({ name }) => name).join(or) ?? null;
}

function sampleOf(question: NamedQuestion): string | undefined {
  return question?.choices?.[0]?.name;
}

function untilOf(news: { windowEndsAtMs: number }): string {
  return stamp(new Date(news.windowEndsAtMs), true);
}
