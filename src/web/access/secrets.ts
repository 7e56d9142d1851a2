import { hash, randomBytes, randomInt, timingSafeEqual } from 'node:crypto';
import type { Scope } from '../../store/port/port.ts';

/** Secrets of programs and browsers. The store has their SHA-256 only: with so many random bits, that suffices. */

const ALL_LETTERS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const LETTERS: Readonly<Record<Scope, string>> = { read: 'r', send: 's', admin: 'a' };
const TOKEN = /^wxa_[rsa]([0-9a-z]{8})_[0-9A-Za-z]{32}$/;
const INVITATION = /^wxi_([0-9a-z]{8})_[0-9A-Za-z]{32}$/;

/** The token of a source: clients of Gotify want A and 14 characters, ntfy letters and digits. 83 random bits. */
const SOURCE_TOKEN = /^A[0-9A-Za-z]{14}$/;

/** Digits and letters that nobody confuses when they read them aloud. */
const CODE_LETTERS = '23456789ABCDEFGHJKMNPQRSTUVWXYZ';
/** 49 bits, in two halves. */
const CODE_LENGTH = 10;

/** How long a one-time code is good. */
export const CODE_MS = 10 * 60_000;
/** How long an invitation is good, where nobody says how long. */
export const INVITATION_MS = 24 * 3_600_000;

/** A new token: the ID of its row, and its text, which says to people and to scanners for secrets what it is. */
export function newToken(scope: Scope): { id: string; text: string } {
  return newSecret(`wxa_${LETTERS[scope]}`);
}

/** The same of an invitation. */
export function newInvitationToken(): { id: string; text: string } {
  return newSecret('wxi_');
}

function newSecret(prefix: string): { id: string; text: string } {
  const id = randomText('0123456789abcdefghijklmnopqrstuvwxyz', 8);
  const secret = randomText(ALL_LETTERS, 32);
  return { id, text: `${prefix}${id}_${secret}` };
}

/** The ID that stands in a token; null: it is none of ours. */
export function idOfToken(text: string): string | null {
  return TOKEN.exec(text)?.[1] ?? null;
}

/** The ID that stands in the token of an invitation; null: it is none. */
export function idOfInvitation(text: string): string | null {
  return INVITATION.exec(text)?.[1] ?? null;
}

export function newSourceToken(): string {
  return `A${randomText(ALL_LETTERS, 14)}`;
}

export function looksLikeSourceToken(text: string): boolean {
  return SOURCE_TOKEN.test(text);
}

/** A text for logs: tokens of sources in it are masked, and what stands where one belongs. */
export function withoutSourceTokens(text: string): string {
  return text
    .replace(/\/push\/[^/?#\s]+/g, '/push/***')
    .replace(/(?<![0-9A-Za-z])(bot)?A[0-9A-Za-z]{14}(?![0-9A-Za-z])/g, '$1***');
}

/** A new one-time code, as it is shown. */
export function newCode(): string {
  const text = randomText(CODE_LETTERS, CODE_LENGTH);
  return `${text.slice(0, CODE_LENGTH / 2)}-${text.slice(CODE_LENGTH / 2)}`;
}

/** A code as it counts, however it was typed: an input method may write it in full width, with dashes of its own. */
export function plainCode(typed: string): string {
  return typed
    .normalize('NFKC')
    .toUpperCase()
    .replace(/[\s\p{Pd}]/gu, '');
}

export function newCookie(): string {
  return randomBytes(32).toString('base64url');
}

/** What the store keeps of a secret. */
export function digestOf(secret: string): string {
  return hash('sha256', secret, 'hex');
}

/** Whether two digests are the same, in a time that does not tell how much of them is. */
export function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function randomText(letters: string, length: number): string {
  return Array.from({ length }, () => letters[randomInt(letters.length)]).join('');
}
