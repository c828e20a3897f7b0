/* What the picker offers: enough for a day at work; any other emoji can be reacted with by clicking it where it is, and
 * typed in a line. Words are for the search. */
export const QUICK = ['👍', '❤️', '😂', '🎉', '👀', '✅'] as const;

const TABLE = `👍 thumbs up yes good like agree|👎 thumbs down no bad|❤️ heart love|😂 joy laugh tears funny|🎉 party tada celebrate|👀 eyes look|✅ check done yes|❌ cross no wrong|
🙏 thanks please pray|👏 clap applause|🙌 raised hands hooray|💪 strong muscle|👋 wave hello bye|🤝 handshake deal|✋ hand stop|👌 ok perfect|🤞 fingers crossed luck|👉 point right|
😀 grin smile happy|😄 smile happy|😅 sweat smile phew|🤣 rolling laugh|🙂 slight smile|😉 wink|😊 blush smile|😍 heart eyes love|😘 kiss|😎 cool sunglasses|🤔 thinking hmm|😐 neutral|
🙄 eye roll|😬 grimace|😢 cry sad|😭 sob cry|😡 angry|😱 scream shock|😴 sleep tired|🤯 mind blown|🥳 party face|😇 angel halo|🤗 hug|🤷 shrug dunno|🤦 facepalm|🫡 salute|🫠 melt|
🔥 fire hot|💯 hundred|⭐ star|✨ sparkles|🚀 rocket launch ship|💡 idea bulb|💬 speech comment|📌 pin|📣 megaphone announce|⚠️ warning|🚧 construction wip|🐛 bug|🔧 wrench fix tool|🔍 search|
📅 calendar date|⏰ alarm clock time|⏳ hourglass wait|📈 chart up|📉 chart down|📝 memo note|📎 clip attach|🔗 link|🔒 lock secure|🔑 key|🎯 target goal|🏆 trophy win|🥇 medal first|🎁 gift|
☕ coffee|🍵 tea|🍕 pizza|🍰 cake|🍻 beer cheers|🥐 croissant breakfast|🌞 sun morning|🌙 moon night|🌈 rainbow|❄️ snow cold|☔ rain umbrella|🌱 plant sprout grow|🐦 bird|🦜 parrot|🐧 penguin|🐱 cat|🐶 dog|🦄 unicorn|
➕ plus add|➖ minus|❓ question|❗ exclamation|💔 broken heart|🖤 black heart|💚 green heart|💙 blue heart|🏠 home house|🚗 car|🚂 train|✈️ plane travel|🎵 music note|🎮 game|⚽ football soccer`;

export interface Emoji {
  emoji: string;
  words: string;
}

export const EMOJI: readonly Emoji[] = TABLE.replace(/\n/g, '')
  .split('|')
  .map((row) => {
    const space = row.indexOf(' ');
    return { emoji: row.slice(0, space), words: row.slice(space + 1) };
  });

/** Those all of whose sought words begin a word of theirs. */
export function findEmoji(query: string): readonly Emoji[] {
  const sought = query.toLowerCase().split(/\s+/).filter(Boolean);
  return EMOJI.filter((e) => sought.every((s) => e.emoji === s || e.words.split(' ').some((w) => w.startsWith(s))));
}

export function wordsOf(emoji: string): string {
  return EMOJI.find((e) => e.emoji === emoji)?.words.split(' ').slice(0, 2).join(' ') ?? emoji;
}
