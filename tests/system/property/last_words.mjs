/* When the storm is over: rooms made for it in which each kind of event is said once more, so that what it did is still to
 * be seen in the end. What chance brought may be gone again, or lie above all that a client holds; these rooms are young,
 * clients show them from their first event on, and nobody works against anybody there. */

const PUBLIC = 0;
const ALL = 0;
const FROM_JOINING = 1;
const MODERATOR = 1;

/* What the tables have of an edit are the people that it calls: the text is in the log alone. */
async function lines(room, people, { must, upload }) {
  const { ada, ben, cleo, dan } = people;
  const first = await must(ada, { type: 'room_post', room, text: 'the first egg' });
  const line = (await must(cleo, { type: 'room_say', room, reply_to: 0, text: 'soft, @dan', mentions: [{ id: dan }] })).seq;
  await must(cleo, { type: 'room_edit', room, target: line, text: 'hard' });
  const call = await must(ben, { type: 'room_say', room, reply_to: first.seq, text: 'look @ada', mentions: [{ id: ada }] });
  await must(ben, { type: 'room_revise', room, target: call.seq, text: 'look @cleo', mentions: [{ id: cleo }] });
  await must(ada, { type: 'room_say', room, reply_to: call.seq, text: 'seen, @ben', mentions: [{ id: ben }] });
  await must(ben, { type: 'room_react', room, target: first.seq, emoji: '👍', on: true });
  await must(ben, { type: 'room_pin', room, target: first.seq, on: true });
  const gone = (await must(ada, { type: 'room_post', room, text: 'not this' })).seq;
  await must(ben, { type: 'room_react', room, target: gone, emoji: '🎉', on: true });
  await must(ada, { type: 'room_delete', room, target: gone });
  const file = await upload(room, ben);
  await must(ben, { type: 'room_share', room, reply_to: 0, text: 'a picture', mentions: [], files: [{ id: file }] });
}

/* A room with its usual history: all that can be said of lines and members. eve and finn are not in it in the end. */
async function usualRoom(people, tools) {
  const { ada, ben, cleo, dan, eve, finn } = people;
  const { must, watch } = tools;
  const { room } = await must(ada, { type: 'room_create', name: 'last words', topic: '', visibility: PUBLIC, history: ALL });
  await must(ben, { type: 'room_join', room });
  await watch(room, [ada, ben]);
  for (const user of [cleo, eve, finn]) await must(user, { type: 'room_join', room });
  await must(ada, { type: 'room_invite', room, member: dan });
  await lines(room, people, tools);
  await must(eve, { type: 'room_leave', room });
  await must(ada, { type: 'room_remove', room, member: finn });
  await must(ada, { type: 'room_role', room, member: ben, role: MODERATOR });
  await must(ben, { type: 'room_mute', room, member: cleo, muted: true });
  await must(ada, { type: 'room_rename', room, name: 'very last words' });
  await must(ada, { type: 'room_topic', room, topic: 'what is left' });
  return room;
}

/* A room that is unusual from its first event, and closes in the end; one where the usual changes; one for all of them.
 * Who is banned was no member: what a ban does apart from taking out is to be seen too. */
async function otherRooms({ ada, ben, cleo, dan, eve, finn }, { must }) {
  const { room: founded } = await must(ben, { type: 'room_create', name: 'from now on', topic: '', visibility: PUBLIC, history: FROM_JOINING });
  await must(ben, { type: 'room_post', room: founded, text: 'before you came' });
  await must(ada, { type: 'room_join', room: founded });
  await must(ada, { type: 'room_post', room: founded, text: 'I am late' });
  for (const member of [eve, finn]) await must(ben, { type: 'room_ban', room: founded, member });
  await must(ben, { type: 'room_unban', room: founded, member: eve });
  await must(ben, { type: 'room_archive', room: founded, on: true });

  const { room: changed } = await must(cleo, { type: 'room_create', name: 'no past', topic: '', visibility: PUBLIC, history: ALL });
  await must(cleo, { type: 'room_history', room: changed, history: FROM_JOINING });
  await must(dan, { type: 'room_join', room: changed });

  const { room: direct } = await must(ada, { type: 'room_direct', users: [ben, cleo, dan, eve, finn].map((id) => ({ id })) });
  await must(finn, { type: 'room_post', room: direct, text: 'all of us' });
  return [founded, changed, direct];
}

/** people: { ada, ben, cleo, dan, eve, finn } → user. must: (user, message) → its ack; throws at a refusal. upload:
 *  (room, user) → id of a file. watch: opens a room on a client of each user, and comes back when they show it live.
 *  Gives the rooms. */
export async function lastWords(people, tools) {
  return [await usualRoom(people, tools), ...(await otherRooms(people, tools))];
}
