/**
 * Shapes of the iLink wire, in the wire's own names (protocol 2, 3, 4, 5, 6, 10).
 * Every object may carry fields unknown to us; they are kept, never dropped.
 * Ids (`message_id`, `msg_id`, `svr_id`) are strings here: `json.ts` makes them so.
 */

/** `WeixinMessage.message_type` (protocol 10.1). */
export const MESSAGE_TYPE = { none: 0, user: 1, bot: 2 } as const;

/** `WeixinMessage.message_state` (protocol 4.4). */
export const MESSAGE_STATE = { new: 0, generating: 1, finish: 2 } as const;

/** `MessageItem.type` (protocol 10.2). */
export const ITEM_TYPE = {
  none: 0,
  text: 1,
  image: 2,
  voice: 3,
  file: 4,
  video: 5,
  toolStart: 11,
  toolResult: 12,
} as const;

/** `getuploadurl.media_type`: another numbering than the items' (protocol 5.1). */
export const MEDIA_TYPE = { image: 1, video: 2, file: 3, voice: 4 } as const;

/** `sendtyping.status` (protocol 6.2). */
export const TYPING_STATUS = { typing: 1, cancel: 2 } as const;

/** Every response may say how it went in `ret`, `errcode` or both; absent means 0 (protocol 1.5). */
export interface Envelope {
  ret?: number;
  errcode?: number;
  errmsg?: string;
}

/** A blob on the CDN and the key to it (protocol 10.2, 5.3). */
export interface CdnMedia {
  encrypt_query_param?: string;
  aes_key?: string;
  encrypt_type?: number;
  full_url?: string;
}

/** A selection the user quoted (protocol 10.5). */
export interface PartialText {
  start?: string;
  end?: string;
  startindex?: number;
  endindex?: number;
  quotemd5?: string;
}

/** What a message quotes (protocol 10.4). */
export interface RefMessage {
  title?: string;
  message_item?: MessageItem;
  svr_id?: string;
  partial_text?: PartialText;
}

/** One piece of a message (protocol 10.2). */
export interface MessageItem {
  type?: number;
  create_time_ms?: number;
  update_time_ms?: number;
  is_completed?: boolean;
  msg_id?: string;
  ref_msg?: RefMessage;
  text_item?: { text?: string };
  image_item?: {
    media?: CdnMedia;
    thumb_media?: CdnMedia;
    aeskey?: string;
    url?: string;
    mid_size?: number;
    thumb_size?: number;
    thumb_width?: number;
    thumb_height?: number;
    hd_size?: number;
  };
  voice_item?: {
    media?: CdnMedia;
    encode_type?: number;
    bits_per_sample?: number;
    sample_rate?: number;
    playtime?: number;
    text?: string;
  };
  file_item?: { media?: CdnMedia; file_name?: string; md5?: string; len?: string };
  video_item?: {
    media?: CdnMedia;
    thumb_media?: CdnMedia;
    video_size?: number;
    play_length?: number;
    video_md5?: string;
  };
  tool_call_start_item?: { tool_name?: string; tool_call_id?: string };
  tool_call_result_item?: { tool_name?: string; tool_call_id?: string; status?: string };
}

/** A message in either direction (protocol 10.1). */
export interface WeixinMessage {
  seq?: number;
  message_id?: string;
  from_user_id?: string;
  to_user_id?: string;
  client_id?: string;
  create_time_ms?: number;
  update_time_ms?: number;
  delete_time_ms?: number;
  session_id?: string;
  group_id?: string;
  message_type?: number;
  message_state?: number;
  item_list?: MessageItem[];
  context_token?: string;
  run_id?: string;
}

/** Answer of `get_bot_qrcode`; the last two are the public guide's (protocol 2.1, 2.3). */
export interface QrCodeResponse extends Envelope {
  qrcode?: string;
  qrcode_img_content?: string;
  qrcode_url?: string;
  bot_id?: string;
}

/** Answer of `get_qrcode_status`; `status` is a word, or the number 1 in the public guide's shape (protocol 2.2, 2.3). */
export interface QrStatusResponse extends Envelope {
  status?: string | number;
  bot_token?: string;
  ilink_bot_id?: string;
  ilink_user_id?: string;
  baseurl?: string | null;
  redirect_host?: string;
}

/** Answer of `getupdates` (protocol 3.1). */
export interface GetUpdatesResponse extends Envelope {
  msgs?: WeixinMessage[] | null;
  get_updates_buf?: string;
  sync_buf?: string;
  longpolling_timeout_ms?: number;
}

/** Answer of `sendmessage` (protocol 4.3). */
export interface SendMessageResponse extends Envelope {
  message_id?: string;
}

/** Body of `getuploadurl` without `base_info` (protocol 5.1). */
export interface UploadUrlRequest {
  filekey: string;
  media_type: number;
  to_user_id: string;
  rawsize: number;
  rawfilemd5: string;
  filesize: number;
  no_need_thumb: boolean;
  aeskey: string;
}

/** Answer of `getuploadurl`: one of the first two (protocol 5.1). */
export interface UploadUrlResponse extends Envelope {
  upload_full_url?: string;
  upload_param?: string;
  thumb_upload_param?: string;
  filekey?: string;
  taskid?: string;
}

/** Answer of `getconfig` (protocol 6.1). */
export interface GetConfigResponse extends Envelope {
  typing_ticket?: string;
}
