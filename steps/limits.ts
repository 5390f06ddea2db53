// How long steps wait, how often they look, and how much they show: each number that is no user's to choose, once.
// What a user may choose has its default in config/defaults.ts.

/** How often a condition is looked at again. Each look is a docker command, which takes about as long. */
export const POLL_MS = 200;

/** A line of progress at most this often: it is seen that the work goes on, and an hour's lines can still be read. */
export const PROGRESS_MS = 10_000;

/** Until a docker command that does next to nothing is killed: over ssh to a busy machine it takes half a minute. */
export const COMMAND_SECONDS = 120;

/** For an engine to fetch and unpack 20 MB of Debian packages, over a slow line too. */
export const BUILD_SECONDS = 1800;

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

/** For what an engine, or its machine, says of itself: one that needs longer would stall every later step. */
export const HOST_ANSWER_SECONDS = 15;

/** So many hosts are asked at the same time: sshd of a jump host on the way turns away more than 10 logins at once. */
export const HOSTS_AT_ONCE = 8;

/** A clock this far off lets certificates of registries look expired or not yet valid, and logs lie. */
export const CLOCK_SECONDS = 300;

/** Times that Docker networks are listed anew when one of them is removed while they are inspected. */
export const NETWORK_LIST_TRIES = 5;

/** For the lock of a config volume. Steps of one `up` take a second or two each; a longer wait means another `up`. */
export const LOCK_SECONDS = 300;

/** After so long it is said that it is waited for. */
export const LOCK_TOLD_SECONDS = 30;

/** For nginx to take a config over. On an idle machine it takes 0.2 s; on a starved one some seconds. */
export const RELOAD_SECONDS = 15;

/** For a balancer that has just been started: nginx serves within a second, and Docker may be busy. */
export const SERVING_SECONDS = 30;

/** For a new nginx to have asked its nodes: it does at once, gives each two seconds, and asks again after three. */
export const KNOWS_NODES_SECONDS = 10;

/** For an nginx that was sent off to take no more connections: it does so at once, and a busy machine in a second. */
export const SENT_OFF_SECONDS = 15;

/** For nginx to say which config it serves with: it needs nobody else for that. */
export const HASH_SECONDS = 2;

/** What docker exec and a login by ssh take on top of the request that they are for. */
export const CURL_START_SECONDS = 15;

/** For a connection from the balancer's network to a host: one retry of TCP's is in it. */
export const REACH_SECONDS = 5;

/** Until a node that is let into traffic must have answered the balancer: it was found ready just before. */
export const ADMIT_SECONDS = 15;

/** One try of these: so that a node that is restarted meanwhile gets another one. */
export const ADMIT_TRY_SECONDS = 5;

/** For a node whose host is declared switched off: whether it is, and has no requests to finish. */
export const SIGN_OF_LIFE_SECONDS = 3;

/** One GET of a node that starts, which may accept connections before it answers. */
export const READY_TRY_SECONDS = 5;

/** A container that died this often is not coming back by itself. */
export const RESTARTS = 3;

/** For a container to stop; a wedged one is killed after that. */
export const STOP_SECONDS = 10;

/** How often it is said what a drain waits for. */
export const DRAIN_PROGRESS_SECONDS = 5;
