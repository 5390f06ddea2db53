// How long steps wait, how often they look, and how much they show: each number that is no user's to choose, once.
// What a user may choose has its default in config/defaults.ts.

/** How often a condition is looked at again. Each look is a docker command, which takes about as long. */
export const POLL_MS = 200;

/** A line of progress at most this often: it is seen that the work goes on, and an hour's lines can still be read. */
export const PROGRESS_MS = 10_000;

/** Until a docker command that does next to nothing is killed: over ssh to a busy machine it takes half a minute. */
export const COMMAND_SECONDS = 120;

/**
 * Until what moves gigabytes (an image, a model) is killed: over a slow line, 2 MB/s, a day is 170 GB. Only against
 * one that hangs for ever; whoever waits sees the progress, and may end it.
 */
export const TRANSFER_SECONDS = 24 * 3600;

/** Until a program in a container that was started must say its first word: a second or two, on a busy machine 30. */
export const START_SECONDS = 60;

/** For one of two commands that look into the models of a host; a slower one is taken for one without the model. */
export const STORE_SECONDS = 30;

/** How often a host that reaches no registry looks again whether another one has the model by now, and in between. */
export const OFFLINE = { tries: 3, pauseMs: 5_000 };

/** For `ssh -G`, which opens no connection, but may run a command of the user's (Match exec). */
export const SSH_CONFIG_SECONDS = 10;
