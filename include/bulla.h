/*
 * bulla.h - seal, sign and freshness-stamp messages, end to end
 *
 * This is the C interface of Bulla. It reads from top to bottom; docs/c.md is the guide, with examples that run.
 *
 * WHAT A CALL RETURNS. Nearly every function returns a bulla_status. 0, BULLA_OK, is success. Codes from 1 to 99 are failures,
 * with a text each (bulla_status_text()). Codes above 100 are answers that are no failures and that a caller must tell apart, such
 * as BULLA_AGAIN. Numbers are never used for anything else. A new version may add codes: treat an unknown one below 100 as a failure.
 *
 *     1 to 19    the call was wrong, or something around it failed; nothing is said about the envelope
 *     20 to 39   not acceptable as an envelope for this reader; nobody is known to have said anything
 *     40 to 69   authentic, but refused: wrong sender, context, time, or seen before
 *     70 to 79   not decided: try again later, and never bounce
 *
 * ERRORS. The last parameter of such a function is a place for more about a failure, or NULL. There is no global state, nothing
 * to initialise, and no errno. A text never holds a secret.
 *
 * OUTPUTS come last, and are written only on success: after a failure they are as they were. An output parameter must not be NULL
 * unless its comment says so.
 *
 * HANDLES are what bulla_..._new() and its like give. Each has one _free() function, to be called once; _free(NULL) does nothing.
 * Handles may be freed in any order: what was made with one keeps what it needs. Calls that use something up, such as
 * bulla_seal_stream_finish(), leave the handle to be freed; any other call on it is BULLA_WRONG_ORDER.
 *
 * POINTERS. NULL where something must be given is BULLA_INVALID_INPUT. NULL with length 0 is an empty slice. Strings are UTF-8
 * and closed with NUL; paths are what the system takes. What is given is copied, or not needed after the call, unless its
 * comment says otherwise. What the library cannot check is the caller's part: that a pointer which is not NULL points to what its
 * type says, for as many elements as said, and that a handle was not freed.
 *
 * STRUCTURES. One that begins with `size` may become longer at its end in a new version: a host that was built before gives the
 * size it knows, and what comes after counts as zero. All others keep their size and layout as long as BULLA_ABI_VERSION is the
 * same, so a host may keep them in its own structures and arrays; what there is to say besides comes by functions of its own.
 *
 * THREADS. Any function may be called from any thread. What its comment says after "Threads" is about one and the same handle:
 * "any" means that several threads may use it at once. Where "one at a time" is broken the call fails with BULLA_WRONG_ORDER, it
 * does not corrupt anything. A handle is freed when no other call uses it. The library starts no thread of its own, but for the guard
 * of a fleet (bulla_guard_redis(), in a library with the feature "redis"): that one makes each connection in a thread of its own, and
 * an attempt that is given up after its time may outlive the call, until the system gives it up too.
 *
 * FORK. Identities, sealers, openers, policies and what else only holds settings may be used on both sides of a fork(). What two
 * processes must not go on with is of use only in the one that made it: a seal stream (BULLA_WRONG_ORDER: two would seal with one key
 * stream), a session (BULLA_SESSION_OVER), a guard in memory, of a durable file or of a fleet (BULLA_GUARD_UNAVAILABLE: two would each
 * accept the same message), an outbox (BULLA_OUTBOX_UNAVAILABLE). Processes that are forked off to work make theirs after the fork;
 * what they share is the file or the server of a guard. They may free what they have of the other process: that disturbs nothing there.
 * Processes are told apart by their ids: so not a first process of a PID namespace from one that it made with clone(CLONE_NEWPID).
 *
 * CALLBACKS may be called from any thread that calls the library, until their `drop` was called. They return a bulla_status, and
 * must not throw, jump out, or call the library with a handle of the call around them. A code that is not one of those here is
 * taken for a failure.
 *
 * PANICS. A defect inside the library that would end a Rust program is contained: the call returns BULLA_INTERNAL. The handle it
 * happened on can then only be freed, and a guard or durable file that it happened in refuses (BULLA_GUARD_UNAVAILABLE) whatever handle
 * is over it; so can a buffer that the call was to write to, which shows nothing any more, also of what was in
 * it before (memory of the host's stays as it is: wipe it if it must not be read). Rust's report of the defect goes to standard error,
 * file descriptor 2: a line or two with the place in the source and what was met there, and a backtrace if RUST_BACKTRACE is set in the
 * environment. Nothing else is ever printed. A daemon has something harmless open as file descriptor 2.
 *
 * TIMES are seconds since 1970-01-01T00:00:00Z. Lengths are bytes. Digests are BLAKE3.
 */

#ifndef BULLA_H
#define BULLA_H

/* Made by `cargo run --package bulla-header` from src/ffi: change that, and not this. */

#include <stddef.h>
#include <stdint.h>

/* The result must be looked at. */
#if defined(__cplusplus) && __cplusplus >= 201703L
#define BULLA_MUST_CHECK [[nodiscard]]
#elif defined(__GNUC__) || defined(__clang__)
#define BULLA_MUST_CHECK __attribute__((warn_unused_result))
#else
#define BULLA_MUST_CHECK
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this header. bulla_version() tells that of the library. */
#define BULLA_VERSION "0.1.0"
#define BULLA_VERSION_MAJOR 0
#define BULLA_VERSION_MINOR 1
#define BULLA_VERSION_PATCH 0
/* For comparisons: major * 1000000 + minor * 1000 + patch. */
#define BULLA_VERSION_NUMBER 1000

/* ==== Status codes: failures (the answers that are none are below) ================================================== */

/* an argument is not acceptable. */
#define BULLA_INVALID_INPUT 1

/* no recipient: name at least one. */
#define BULLA_NO_RECIPIENT 2

/* two recipients have the same encryption key: name each once. */
#define BULLA_DUPLICATE_RECIPIENT 3

/* this identity has no encryption key that can be used: ask for a newer identity line. */
#define BULLA_NO_USABLE_KEY 4

/* the random generator of the system failed: nothing was made. */
#define BULLA_RANDOM_FAILED 5

/* the clock could not be read. */
#define BULLA_CLOCK_FAILED 6

/* the key holder (agent, token, HSM) did not answer: see that it is there and unlocked. */
#define BULLA_KEY_UNAVAILABLE 7

/* reading or writing failed. */
#define BULLA_IO 8

/* the passphrase is wrong, or the key file was changed. */
#define BULLA_WRONG_PASSPHRASE 9

/* this key file is protected: give its passphrase. */
#define BULLA_PASSPHRASE_NEEDED 10

/* the content is not as long as announced: seal it again. */
#define BULLA_LENGTH_MISMATCH 11

/* the sealing session is over: begin a new one. */
#define BULLA_SESSION_OVER 12

/* this call is not possible in this state: begin again. */
#define BULLA_WRONG_ORDER 13

/* the buffer is too small for the result: give a longer one, or one that grows. */
#define BULLA_BUFFER_TOO_SMALL 14

/* a defect of Bulla was met, and contained: what was in hand is not done; please report it. */
#define BULLA_INTERNAL 15

/* there is a file of that name already, and it is not written over: choose another name. */
#define BULLA_NAME_TAKEN 16

/* not a well-formed Bulla envelope: it was cut, changed, or is something else. */
#define BULLA_MALFORMED 20

/* this needs a newer version of Bulla: update this program. */
#define BULLA_UNSUPPORTED_VERSION 21

/* another kind of envelope: `open` is for sealed ones, `verify` for signed ones, and detached ones need their content. */
#define BULLA_WRONG_KIND 22

/* not sealed to this key, or damaged: check which identity it was sealed to. */
#define BULLA_NOT_FOR_ME 23

/* not authentic: it was changed, cut or forged on the way; ask for it again. */
#define BULLA_NOT_AUTHENTIC 24

/* authentic, but not a message (a receipt, perhaps): use the call made for it. */
#define BULLA_WRONG_STATEMENT 40

/* authentic, but made with this very key: allow own messages if that is meant. */
#define BULLA_OWN_MESSAGE 41

/* authentic, but from a sender who is not accepted here: add the sender's identity if you trust it. */
#define BULLA_UNTRUSTED_SENDER 42

/* authentic, but made for another context: give it to the application it was made for, or check which context is asked for here. */
#define BULLA_WRONG_CONTEXT 43

/* authentic, but dated in the future: check the clocks. */
#define BULLA_NOT_YET_VALID 44

/* authentic, but expired: ask for a new one, or reopen it as an archive. */
#define BULLA_EXPIRED 45

/* authentic, but older than accepted here: ask for a new one, raise the greatest age, or reopen it as an archive. */
#define BULLA_TOO_OLD 46

/* authentic, but it never expires, and a replay guard cannot remember forever: set a greatest age. */
#define BULLA_UNBOUNDED 47

/* authentic, but already received: a second copy is not accepted; to read it again, reopen it as an archive. */
#define BULLA_REPLAYED 48

/* authentic, but a newer one is already known: use that one. */
#define BULLA_SUPERSEDED 49

/* authentic, but messages before it are missing: get those first, and then try again. */
#define BULLA_GAP 50

/* authentic, but it answers no challenge that is open here: ask anew. */
#define BULLA_WRONG_CHALLENGE 51

/* an authentic receipt, but not for this message: it settles nothing. */
#define BULLA_WRONG_RECEIPT 52

/* THE RECIPIENT HAS OTHER CONTENT than was sent: what is stored there is not this message; look into it, and send it again. */
#define BULLA_CONTENT_DIFFERS 53

/* this message is being worked on: try again later. */
#define BULLA_PENDING 70

/* the replay guard is full: try again later, or give it more room. */
#define BULLA_GUARD_FULL 71

/* the replay guard cannot be used: see its store, and try again. */
#define BULLA_GUARD_UNAVAILABLE 72

/* the claim on this message ran out before it was finished: try again. */
#define BULLA_LEASE_LOST 73

/* the outbox cannot be used, and nothing was recorded: see its file, and try again. */
#define BULLA_OUTBOX_UNAVAILABLE 74

/* the rules of this host could not decide on it, and nothing is reserved: try again later. */
#define BULLA_UNDECIDED 75

/* ==== Values ====================================================================================================== */

/**
 * A BLAKE3 digest: 32 bytes.
 */
typedef struct bulla_digest {
  /**
   * The bytes.
   */
  uint8_t bytes[32];
} bulla_digest;

/**
 * A public signing key (Ed25519): the name by which a person is known.
 */
typedef struct bulla_key {
  /**
   * The bytes, as RFC 8032 encodes them.
   */
  uint8_t bytes[32];
} bulla_key;

/**
 * The id of a message: the same when it is sealed or sent again.
 */
typedef struct bulla_message_id {
  /**
   * The bytes.
   */
  uint8_t bytes[16];
} bulla_message_id;

/**
 * What was sent: what a receipt is compared with. Keep it, byte for byte, until the receipt has come.
 */
typedef struct bulla_sent {
  /**
   * The id of the message.
   */
  struct bulla_message_id message_id;
  /**
   * Names the envelope.
   */
  struct bulla_digest header_digest;
  /**
   * Digest of the opening, its signature included.
   */
  struct bulla_digest opening_digest;
  /**
   * Digest of the content.
   */
  struct bulla_digest content_digest;
  /**
   * Length of the content in bytes.
   */
  uint64_t content_length;
  /**
   * When it was issued, in seconds since 1970.
   */
  uint64_t issued;
  /**
   * When it expires, in seconds since 1970; only if `has_expires` is 1.
   */
  uint64_t expires;
  /**
   * 1 if it expires.
   */
  uint8_t has_expires;
  /**
   * Zero.
   */
  uint8_t reserved[7];
} bulla_sent;

/**
 * Bytes that belong to something else and are only looked at: they stay as long as what they were asked of.
 */
typedef struct bulla_view {
  /**
   * The bytes, not closed with NUL; NULL if there are none.
   */
  const uint8_t *data;
  /**
   * How many.
   */
  size_t length;
} bulla_view;

/* ==== Status and errors =========================================================================================== */

/**
 * Length of the text of a bulla_error, its closing NUL included, in bytes.
 */
#define BULLA_ERROR_TEXT 512

/**
 * Class of a status: it was done.
 */
#define BULLA_CLASS_DONE 0

/**
 * Class of a status: the call was wrong, or something around it failed. Nothing is said about the envelope.
 */
#define BULLA_CLASS_USAGE 1

/**
 * Class of a status: not acceptable as an envelope for this reader. Nobody is known to have said anything.
 */
#define BULLA_CLASS_NOT_ACCEPTABLE 2

/**
 * Class of a status: authentic, but refused.
 */
#define BULLA_CLASS_REFUSED 3

/**
 * Class of a status: not decided. Try again later, and never bounce.
 */
#define BULLA_CLASS_TRY_AGAIN 4

/**
 * Class of a status: an answer that is no failure, such as BULLA_AGAIN.
 */
#define BULLA_CLASS_ANSWER 5

/**
 * What became of a call: BULLA_OK, one of the answers above 100, or a failure.
 */
typedef int32_t bulla_status;

/**
 * Where a failing call says more, if the caller gives it a place. Written only on failure. It never holds a secret.
 */
typedef struct bulla_error {
  /**
   * The same as the call returned.
   */
  bulla_status code;
  /**
   * 1 if `signer` is set: who signed what was refused with BULLA_UNTRUSTED_SENDER. The text does not name it, for logs may
   * be read by those who must not learn it.
   */
  uint8_t has_signer;
  /**
   * The public signing key of that sender.
   */
  bulla_key signer;
  /**
   * One line in UTF-8, closed with NUL: what is wrong, and what to do.
   */
  char text[BULLA_ERROR_TEXT];
} bulla_error;

/**
 * It was done.
 */
#define BULLA_OK 0

/**
 * Not a failure: the message came before, and was dealt with. Give the same answer again, and do nothing else.
 */
#define BULLA_AGAIN 101

/**
 * Not a failure: there is nothing more, or nothing there.
 */
#define BULLA_NOTHING 102

/**
 * Not a failure: authentic, but longer than the store accepts. A lease is given to refuse it with.
 */
#define BULLA_TOO_LARGE 103

/**
 * Not a failure: authentic, but there is no room for it. A lease is given to refuse it with.
 */
#define BULLA_NO_ROOM 104

/**
 * Not a failure: more of the input is needed before anything can be said.
 */
#define BULLA_MORE 105

/**
 * Not a failure: the sender asked to be told of rejections, and may not be told now. So the message was not rejected but
 * released: it may come again.
 */
#define BULLA_UNTOLD 106

/**
 * Not a failure: authentic, but the host's own rules (bulla_store_judge()) do not accept it. A lease is given to refuse it with.
 */
#define BULLA_REFUSED 107

/**
 * The one line of a status code, as a static string: what is wrong and what to do. Never NULL.
 *
 * @param status What a call returned; any number.
 * @return The text; it lives as long as the library.
 * Threads: any.
 */
const char *bulla_status_text(bulla_status status);

/**
 * What a status means to a host, and so what to do about it.
 *
 * @param status What a call returned; any number.
 * @return One of BULLA_CLASS_...; BULLA_CLASS_USAGE for a number that this version does not know.
 * Threads: any.
 */
uint32_t bulla_status_class(bulla_status status);

/**
 * The name of a status code as the specification and the command line write it, such as "NotAuthentic". Never NULL.
 *
 * @param status What a call returned; any number.
 * @return The name; it lives as long as the library.
 * Threads: any.
 */
const char *bulla_status_name(bulla_status status);

/* ==== Versions ==================================================================================================== */

/**
 * The number of the binary interface. It grows when something that was there changes or goes; what is only added leaves it.
 */
#define BULLA_ABI_VERSION 0

/**
 * The version of the library that runs, such as "0.1.0". Compare with BULLA_VERSION, the one of the header.
 *
 * @return The version; it lives as long as the library.
 * Threads: any.
 */
const char *bulla_version(void);

/**
 * The number of the binary interface of the library that runs. Compare with BULLA_ABI_VERSION, the one of the header.
 *
 * @return The number.
 * Threads: any.
 */
uint32_t bulla_abi_version(void);

/**
 * What this library was built with. The names are "keyfile", "sqlite" and "redis".
 *
 * @param feature A name, closed with NUL.
 * @return 1 if it is built in; 0 if not, if there is no such name, or if `feature` is NULL.
 * Threads: any.
 */
uint8_t bulla_has_feature(const char *feature);

/* ==== Buffers ===================================================================================================== */

/**
 * Where a call puts bytes. Made by bulla_buffer_new() it grows as needed, in memory of the library; made by
 * bulla_buffer_wrap() it is memory of the caller's, of fixed length.
 *
 * Calls append. A call that fails leaves in it what was there. Memory of the library is wiped when the buffer is freed, cleared, or
 * grows; memory of the caller's only when it is cleared. What is in it may be the input of the call that appends to it.
 */
typedef struct bulla_buffer bulla_buffer;

/**
 * Makes an empty buffer in memory of the library, which grows as needed.
 *
 * @param buffer Receives the buffer; free it with bulla_buffer_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT if `buffer` is NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_buffer_new(struct bulla_buffer **buffer, bulla_error *error);

/**
 * Makes a buffer of memory of the caller's. What has no room in it is BULLA_BUFFER_TOO_SMALL, and then nothing is written.
 *
 * @param memory `capacity` bytes that belong to the buffer until it is freed; may be NULL if `capacity` is 0.
 * @param capacity How many bytes.
 * @param buffer Receives the buffer; free it with bulla_buffer_free(), which leaves the memory and what is in it.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_buffer_wrap(uint8_t *memory, size_t capacity, struct bulla_buffer **buffer, bulla_error *error);

/**
 * Appends bytes of the caller's: for callbacks that answer into a buffer.
 *
 * @param buffer The buffer.
 * @param data The bytes, which must not be in the buffer itself.
 * @param length How many.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, BULLA_BUFFER_TOO_SMALL, BULLA_INVALID_INPUT for NULL.
 * Threads: one at a time for each buffer.
 */
BULLA_MUST_CHECK bulla_status bulla_buffer_append(struct bulla_buffer *buffer, const uint8_t *data, size_t length, bulla_error *error);

/**
 * What is in a buffer. It stays there until the next call that appends to the buffer, clears it or frees it.
 *
 * @param buffer The buffer; NULL has nothing in it.
 * @return The bytes, as many as bulla_buffer_length() says. NULL if there are none.
 * Threads: one at a time for each buffer.
 */
const uint8_t *bulla_buffer_data(const struct bulla_buffer *buffer);

/**
 * How many bytes are in a buffer.
 *
 * @param buffer The buffer; NULL has nothing in it.
 * @return The length in bytes.
 * Threads: one at a time for each buffer.
 */
size_t bulla_buffer_length(const struct bulla_buffer *buffer);

/**
 * Empties a buffer, to use it again, and wipes what was in it. Memory of the library stays with the buffer. While another call uses
 * the buffer, as one does that is around a callback, nothing is done.
 *
 * @param buffer The buffer; NULL is nothing.
 * Threads: one at a time for each buffer.
 */
void bulla_buffer_clear(struct bulla_buffer *buffer);

/**
 * Frees a buffer, and wipes what was in memory of the library.
 *
 * @param buffer The buffer; NULL is nothing.
 * Threads: one at a time for each buffer.
 */
void bulla_buffer_free(struct bulla_buffer *buffer);

/* ==== Identities ================================================================================================== */

/**
 * A public identity: a signing key, and the encryption keys of whom it belongs to.
 */
typedef struct bulla_public bulla_public;

/**
 * Reads an identity line ("bulla1…").
 *
 * @param line The line, closed with NUL; white space around it is an error.
 * @param identity Receives the identity; free it with bulla_public_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, BULLA_MALFORMED, BULLA_UNSUPPORTED_VERSION, BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_public_parse(const char *line, struct bulla_public **identity, bulla_error *error);

/**
 * Writes the identity line, without a line end and without a closing NUL.
 *
 * @param identity The identity.
 * @param line The line is appended to this buffer; at most 1023 bytes.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, BULLA_BUFFER_TOO_SMALL, BULLA_INVALID_INPUT for NULL.
 * Threads: any for the identity, one at a time for the buffer.
 */
BULLA_MUST_CHECK bulla_status bulla_public_line(const struct bulla_public *identity, bulla_buffer *line, bulla_error *error);

/**
 * The signing key of an identity: the name by which policies, guards and receipts know it.
 *
 * @param identity The identity.
 * @param key Receives the key: 32 bytes.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_public_key(const struct bulla_public *identity, bulla_key *key, bulla_error *error);

/**
 * Frees a public identity.
 *
 * @param identity The identity; NULL is nothing.
 * Threads: when no other call uses it.
 */
void bulla_public_free(struct bulla_public *identity);

/**
 * A secret identity: a signing key and encryption keys, here or at an external holder (agent, token, HSM).
 *
 * What was made with it (sealers, openers) keeps a share of it: it may be freed before them.
 */
typedef struct bulla_identity bulla_identity;

/**
 * Makes a new identity, with the generator of the system.
 *
 * @param identity Receives the identity; free it with bulla_identity_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, BULLA_RANDOM_FAILED, BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_identity_generate(struct bulla_identity **identity, bulla_error *error);

/**
 * Reads a key file from the disk.
 *
 * @param file Its path, closed with NUL.
 * @param passphrase Closed with NUL; needed, and used, only if the file is protected. May be NULL.
 * @param identity Receives the identity; free it with bulla_identity_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, BULLA_IO, BULLA_MALFORMED, BULLA_UNSUPPORTED_VERSION, BULLA_PASSPHRASE_NEEDED,
 *         BULLA_WRONG_PASSPHRASE, BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_identity_load(const char *file,
                                 const char *passphrase,
                                 struct bulla_identity **identity,
                                 bulla_error *error);

/**
 * Writes a new key file, readable by its owner alone. It is an error if there is one already.
 *
 * @param identity The identity, whose keys must be here.
 * @param file The path, closed with NUL.
 * @param passphrase Closed with NUL; protects the file (Argon2id, 64 MiB). NULL: the file is not protected.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_NAME_TAKEN if there is a file of that name; BULLA_IO; BULLA_RANDOM_FAILED; BULLA_KEY_UNAVAILABLE if the
 *         keys are with an external holder; BULLA_INVALID_INPUT for NULL and for an empty passphrase. After a failure nothing is left
 *         behind.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_identity_save(const struct bulla_identity *identity,
                                 const char *file,
                                 const char *passphrase,
                                 bulla_error *error);

/**
 * Replaces a key file in one step, as after bulla_identity_rotate(). After a crash there is the old one or the new one, whole.
 *
 * @param identity The identity, whose keys must be here.
 * @param file The path, closed with NUL.
 * @param passphrase Closed with NUL; protects the file. NULL: the file is not protected.
 * @param error May be NULL; see bulla_error.
 * @return As bulla_identity_save(); on failure the old file is unchanged.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_identity_replace(const struct bulla_identity *identity,
                                    const char *file,
                                    const char *passphrase,
                                    bulla_error *error);

/**
 * Reads a key file from memory, as from a secret store.
 *
 * @param text The text of the file.
 * @param length Its length in bytes.
 * @param passphrase Closed with NUL; needed, and used, only if the file is protected. May be NULL.
 * @param identity Receives the identity; free it with bulla_identity_free().
 * @param error May be NULL; see bulla_error.
 * @return As bulla_identity_load(), but never BULLA_IO.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_identity_parse(const uint8_t *text,
                                  size_t length,
                                  const char *passphrase,
                                  struct bulla_identity **identity,
                                  bulla_error *error);

/**
 * Writes the text of a key file to memory, to be kept secret.
 *
 * @param identity The identity, whose keys must be here.
 * @param passphrase Closed with NUL; protects the text. NULL: it is not protected.
 * @param text The text is appended to this buffer; at most 8192 bytes.
 * @param error May be NULL; see bulla_error.
 * @return As bulla_identity_save(), but never BULLA_IO; BULLA_BUFFER_TOO_SMALL.
 * Threads: any for the identity, one at a time for the buffer.
 */
BULLA_MUST_CHECK bulla_status bulla_identity_text(const struct bulla_identity *identity,
                                 const char *passphrase,
                                 bulla_buffer *text,
                                 bulla_error *error);

/**
 * What others need of an identity: its signing key and its newest encryption key.
 *
 * @param identity The identity.
 * @param public_identity Receives the public identity; free it with bulla_public_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_identity_public(const struct bulla_identity *identity, bulla_public **public_identity, bulla_error *error);

/**
 * Makes a new encryption key with the next generation. The keys so far stay and still open. Write the key file again with
 * bulla_identity_replace(), and give others the new identity line.
 *
 * @param identity The identity, whose keys must be here, and with which nothing that still lives was made.
 * @param old_not_after When the keys so far may be destroyed, in seconds since 1970; 0: no end.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, BULLA_RANDOM_FAILED, BULLA_INVALID_INPUT at 32 keys, BULLA_WRONG_ORDER while it is in use,
 *         BULLA_KEY_UNAVAILABLE if the keys are with an external holder.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_identity_rotate(struct bulla_identity *identity, uint64_t old_not_after, bulla_error *error);

/**
 * Destroys the encryption keys whose end has come, but for the newest. What was sealed to them can never be opened again. Write
 * the key file again for it to be true there.
 *
 * @param identity The identity, whose keys must be here, and with which nothing that still lives was made.
 * @param now The time in seconds since 1970; UINT64_MAX destroys all but the newest that have an end.
 * @param destroyed Receives how many; may be NULL.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_WRONG_ORDER and BULLA_KEY_UNAVAILABLE as bulla_identity_rotate(); BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_identity_destroy_expired(struct bulla_identity *identity,
                                            uint64_t now,
                                            size_t *destroyed,
                                            bulla_error *error);

/**
 * Frees an identity, and wipes its secrets once nothing that was made with it lives any more.
 *
 * @param identity The identity; NULL is nothing.
 * Threads: when no other call uses it.
 */
void bulla_identity_free(struct bulla_identity *identity);

/**
 * A public encryption key of an identity.
 */
typedef struct bulla_encryption_key {
  /**
   * The suite: 1 (X25519).
   */
  uint32_t suite;
  /**
   * Which generation it is: a higher one is newer.
   */
  uint32_t generation;
  /**
   * The bytes.
   */
  uint8_t bytes[32];
} bulla_encryption_key;

/**
 * An encryption key that a secret identity holds.
 */
typedef struct bulla_generation {
  /**
   * When it may be destroyed, in seconds since 1970; 0: never, or the holder does not tell.
   */
  uint64_t not_after;
  /**
   * Which generation it is: a higher one is newer.
   */
  uint32_t generation;
  /**
   * Zero.
   */
  uint8_t reserved[4];
} bulla_generation;

/**
 * Makes a public identity of its keys, as an external holder tells them.
 *
 * @param signing_key Its public signing key.
 * @param keys Its public encryption keys, ascending by generation.
 * @param count How many, 1 to 8.
 * @param identity Receives the identity; free it with bulla_public_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_public_of_keys(const bulla_key *signing_key,
                                  const struct bulla_encryption_key *keys,
                                  size_t count,
                                  bulla_public **identity,
                                  bulla_error *error);

/**
 * One of the encryption keys of a public identity.
 *
 * @param identity The identity.
 * @param index Which one, from 0 on, in ascending order: the last is the newest, to which messages are sealed.
 * @param key Receives the key.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_NOTHING if there are not so many; BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_public_encryption_key(const bulla_public *identity,
                                         size_t index,
                                         struct bulla_encryption_key *key,
                                         bulla_error *error);

/**
 * One of the encryption keys that a secret identity holds.
 *
 * @param identity The identity.
 * @param index Which one, from 0 on: the first is the newest.
 * @param generation Receives which it is, and when it may be destroyed.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_NOTHING if there are not so many; BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_identity_generation(const bulla_identity *identity,
                                       size_t index,
                                       struct bulla_generation *generation,
                                       bulla_error *error);

/**
 * A public signing key as the command line shows it: 64 hexadecimal digits in lower case.
 *
 * @param key The key.
 * @param text The digits are appended to this buffer, without a closing NUL.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_BUFFER_TOO_SMALL; BULLA_INVALID_INPUT for NULL, and for what is no acceptable key.
 * Threads: one at a time for the buffer.
 */
BULLA_MUST_CHECK bulla_status bulla_key_text(const bulla_key *key, bulla_buffer *text, bulla_error *error);

/* ==== Clocks ====================================================================================================== */

/**
 * A clock of the host's own. Without one, the clock of the system is used.
 */
typedef struct bulla_clock bulla_clock;

/**
 * Tells the time: writes the seconds since 1970 to `now` and returns BULLA_OK, or returns another code and the call in hand
 * fails with BULLA_CLOCK_FAILED. It may be called from any thread that uses what the clock was given to, and must not panic,
 * throw or jump out.
 */
typedef bulla_status (*bulla_clock_now)(void *context, uint64_t *now);

/**
 * Called once, when the context of callbacks is needed no more. May be NULL.
 */
typedef void (*bulla_drop)(void *context);

/**
 * Makes a clock of a function of the host's.
 *
 * @param now The function.
 * @param context Given to it with each call; may be NULL.
 * @param drop Called with the context when the clock, and all that it was given to, are freed; may be NULL. If this call
 *        fails it is not called.
 * @param clock Receives the clock; free it with bulla_clock_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_clock_new(bulla_clock_now now,
                             void *context,
                             bulla_drop drop,
                             struct bulla_clock **clock,
                             bulla_error *error);

/**
 * Makes a clock that stands still: to judge as of a given time, and for tests.
 *
 * @param time Seconds since 1970.
 * @param clock Receives the clock; free it with bulla_clock_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_clock_fixed(uint64_t time, struct bulla_clock **clock, bulla_error *error);

/**
 * Frees a clock; what it was given to keeps its share.
 *
 * @param clock The clock; NULL is nothing.
 * Threads: when no other call uses it.
 */
void bulla_clock_free(struct bulla_clock *clock);

/* ==== Keys held elsewhere ========================================================================================= */

/**
 * Signs: writes to `signature`, which has room for 64 bytes, the pure Ed25519 signature (RFC 8032) of the message, which is at
 * most 17 408 bytes long. It is checked before it is used.
 */
typedef bulla_status (*bulla_holder_sign)(void *context, const uint8_t *message, size_t length, uint8_t *signature);

/**
 * Uses the secret half of the encryption key of this suite and generation on `enc`, which is `length` bytes long (32 in suite 1).
 * Writes 32 bytes to `secret`, memory that is wiped afterwards. BULLA_NOTHING if the Diffie-Hellman result is all zero.
 */
typedef bulla_status (*bulla_holder_derive)(void *context,
                                            uint32_t suite,
                                            uint32_t generation,
                                            const uint8_t *enc,
                                            size_t length,
                                            uint8_t *secret);

/**
 * What an external holder of keys can do. Set all of it to zero, then `size`, then what it can. The functions return BULLA_OK,
 * or another code, and the call in hand fails with BULLA_KEY_UNAVAILABLE.
 */
typedef struct bulla_holder {
  /**
   * sizeof(bulla_holder).
   */
  size_t size;
  /**
   * Given to each function; may be NULL.
   */
  void *context;
  /**
   * Called with the context when the identity, and all that was made with it, are freed; may be NULL. If making the identity
   * fails it is not called.
   */
  bulla_drop drop;
  /**
   * May be NULL: it cannot sign.
   */
  bulla_holder_sign sign;
  /**
   * Decap of RFC 9180 section 4.1: gives the shared secret of the KEM. May be NULL.
   */
  bulla_holder_derive decapsulate;
  /**
   * For holders that can only multiply: gives the result of X25519 of the secret key and `enc`, and the library does the rest.
   * May be NULL. One of the two is enough to open, and not both may be given.
   */
  bulla_holder_derive multiply;
} bulla_holder;

/**
 * Makes an identity whose secret keys are with an external holder. It can do all that other identities can but be written,
 * rotated, or lose keys.
 *
 * @param public_identity Its public identity, with every encryption key that the holder can use (bulla_public_of_keys()). Copied.
 * @param holder What the holder can do; copied. It must be able to sign or to open.
 * @param identity Receives the identity; free it with bulla_identity_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_INVALID_INPUT for NULL, for a holder that can do nothing or has two ways to open, and for a wrong size.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_identity_external(const bulla_public *public_identity,
                                     const struct bulla_holder *holder,
                                     bulla_identity **identity,
                                     bulla_error *error);

/* ==== What is said of a message =================================================================================== */

/**
 * A receipt when the message was opened and handed to the application.
 */
#define BULLA_RECEIPT_DELIVERED 1

/**
 * A receipt when the content is on the disk, and was read again from there.
 */
#define BULLA_RECEIPT_STORED 2

/**
 * A receipt when the message is rejected for good, with the reason.
 */
#define BULLA_RECEIPT_REJECTED 4

/**
 * What is said of a message: context, times, content type, attributes. It can be used for many messages; each gets an id of
 * its own.
 */
typedef struct bulla_draft bulla_draft;

/**
 * Begins what is said of a message for a context: the name of the application or protocol, which the reader demands.
 *
 * @param context 1 to 255 bytes without control characters, closed with NUL.
 * @param draft Receives the draft; free it with bulla_draft_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_draft_new(const char *context, struct bulla_draft **draft, bulla_error *error);

/**
 * The message expires so long after it is sealed. Without an end a reader goes by its own greatest age.
 *
 * @param draft The draft.
 * @param seconds How long.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_draft_expires_in(struct bulla_draft *draft, uint64_t seconds, bulla_error *error);

/**
 * The message expires at this time.
 *
 * @param draft The draft.
 * @param time Seconds since 1970.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_draft_expires_at(struct bulla_draft *draft, uint64_t time, bulla_error *error);

/**
 * What the content is.
 *
 * @param draft The draft.
 * @param media_type 1 to 255 characters of printable ASCII, such as "image/jpeg", closed with NUL.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_draft_content_type(struct bulla_draft *draft, const char *media_type, bulla_error *error);

/**
 * Adds an attribute, or replaces the one of that name. At most 64 of them. A file name goes into the attribute "name".
 *
 * @param draft The draft.
 * @param name 1 to 64 bytes without control characters, closed with NUL.
 * @param value The value: any bytes.
 * @param length Its length in bytes, at most 4096.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_draft_attribute(struct bulla_draft *draft,
                                   const char *name,
                                   const uint8_t *value,
                                   size_t length,
                                   bulla_error *error);

/**
 * The place of the message in a stream of messages of this sender and context.
 *
 * @param draft The draft.
 * @param stream The name of the stream: any bytes.
 * @param length Its length in bytes, 1 to 64.
 * @param number The number of the message in it.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_draft_sequence(struct bulla_draft *draft,
                                  const uint8_t *stream,
                                  size_t length,
                                  uint64_t number,
                                  bulla_error *error);

/**
 * The message answers a challenge of the reader's.
 *
 * @param draft The draft.
 * @param challenge 32 bytes, as bulla_opener_challenge() of the reader gave them.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_draft_answers(struct bulla_draft *draft, const uint8_t *challenge, bulla_error *error);

/**
 * Asks the reader for receipts, sealed to an encryption key of the sender's.
 *
 * @param draft The draft.
 * @param receipts One or more of BULLA_RECEIPT_DELIVERED, BULLA_RECEIPT_STORED, BULLA_RECEIPT_REJECTED, added.
 * @param reply_to The sender's own public identity, to whose newest encryption key receipts are sealed.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_NO_USABLE_KEY if `reply_to` has no encryption key; BULLA_INVALID_INPUT.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_draft_ask_receipts(struct bulla_draft *draft,
                                      uint32_t receipts,
                                      const bulla_public *reply_to,
                                      bulla_error *error);

/**
 * Seals an earlier message again: with its id and its times, so that readers count both as one. The end that was set has no
 * effect then.
 *
 * @param draft The draft, with everything as it was the first time.
 * @param sent What the first sealing gave.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_draft_again(struct bulla_draft *draft, const bulla_sent *sent, bulla_error *error);

/**
 * Frees a draft.
 *
 * @param draft The draft; NULL is nothing.
 * Threads: when no other call uses it.
 */
void bulla_draft_free(struct bulla_draft *draft);

/* ==== Sealing and signing ========================================================================================= */

/**
 * A session: many envelopes of one sender under one ephemeral key, which saves most of the work for each. Relays can tell
 * that they belong together, and who steals that one key opens them all: for batches in one trust domain only. It ends
 * after 10 minutes or 65 536 envelopes, and in a process that was forked off.
 */
typedef struct bulla_session bulla_session;

/**
 * Begins a session.
 *
 * @param identity The sender.
 * @param session Receives the session; free it with bulla_session_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, BULLA_RANDOM_FAILED, BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_session_new(const bulla_identity *identity, struct bulla_session **session, bulla_error *error);

/**
 * Frees a session; sealers that use it keep their share.
 *
 * @param session The session; NULL is nothing.
 * Threads: when no other call uses it.
 */
void bulla_session_free(struct bulla_session *session);

/**
 * No padding: relays see the length of the content.
 */
#define BULLA_PADDING_NONE 0

/**
 * The length is rounded up by at most 12 %, so that relays see its size class only (Padmé). What a new sealer does.
 */
#define BULLA_PADDING_PADME 1

/**
 * Seals to recipients, and signs.
 */
typedef struct bulla_sealer bulla_sealer;

/**
 * Makes a sealer that signs with this identity, by the clock of the system. It has no recipients yet.
 *
 * @param identity The sender.
 * @param sealer Receives the sealer; free it with bulla_sealer_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_sealer_new(const bulla_identity *identity, struct bulla_sealer **sealer, bulla_error *error);

/**
 * Goes by a clock of the host's from now on.
 *
 * @param sealer The sealer.
 * @param host_clock The clock.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_sealer_clock(struct bulla_sealer *sealer, const bulla_clock *host_clock, bulla_error *error);

/**
 * Adds a recipient, to its newest encryption key. All recipients open the same envelope, and do not learn of each other.
 *
 * @param sealer The sealer.
 * @param recipient The recipient.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_NO_USABLE_KEY if the recipient has no encryption key; BULLA_INVALID_INPUT for NULL, and at 10 000
 *         recipients.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_sealer_to(struct bulla_sealer *sealer, const bulla_public *recipient, bulla_error *error);

/**
 * Forgets the recipients, to seal to others.
 *
 * @param sealer The sealer.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_sealer_to_nobody(struct bulla_sealer *sealer, bulla_error *error);

/**
 * How the length of sealed content is hidden.
 *
 * @param sealer The sealer.
 * @param padding BULLA_PADDING_PADME or BULLA_PADDING_NONE.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_sealer_padding(struct bulla_sealer *sealer, uint32_t padding, bulla_error *error);

/**
 * Adds random stanzas beside those of the recipients, so that relays do not learn how many there are.
 *
 * @param sealer The sealer.
 * @param count How many; with the recipients at most 10 000.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL; too many are told by bulla_seal().
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_sealer_decoys(struct bulla_sealer *sealer, size_t count, bulla_error *error);

/**
 * Stirs bytes of the host's into what is random, for systems whose generator is not trusted alone.
 *
 * @param sealer The sealer.
 * @param entropy Bytes that others do not know; they are copied.
 * @param length How many, at most 1024.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_sealer_extra_entropy(struct bulla_sealer *sealer, const uint8_t *entropy, size_t length, bulla_error *error);

/**
 * Seals in a session from now on (see bulla_session_new()).
 *
 * @param sealer The sealer.
 * @param session A session of the same identity.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL. That the session is another sender's, or over, is told by bulla_seal() as
 *         BULLA_SESSION_OVER.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_sealer_session(struct bulla_sealer *sealer, const bulla_session *session, bulla_error *error);

/**
 * Frees a sealer.
 *
 * @param sealer The sealer; NULL is nothing.
 * Threads: when no other call uses it.
 */
void bulla_sealer_free(struct bulla_sealer *sealer);

/**
 * Seals content to the recipients: private, signed, with a stamp.
 *
 * @param sealer The sealer, with at least one recipient.
 * @param draft What is said of the message.
 * @param content The content.
 * @param length Its length in bytes.
 * @param envelope The envelope is appended to this buffer.
 * @param sent Receives what receipts are to be compared with; may be NULL.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, BULLA_NO_RECIPIENT, BULLA_DUPLICATE_RECIPIENT, BULLA_RANDOM_FAILED, BULLA_CLOCK_FAILED,
 *         BULLA_KEY_UNAVAILABLE, BULLA_SESSION_OVER, BULLA_BUFFER_TOO_SMALL, BULLA_INVALID_INPUT.
 * Threads: any for sealer and draft, one at a time for the buffer.
 */
BULLA_MUST_CHECK bulla_status bulla_seal(const bulla_sealer *sealer,
                        const bulla_draft *draft,
                        const uint8_t *content,
                        size_t length,
                        bulla_buffer *envelope,
                        bulla_sent *sent,
                        bulla_error *error);

/**
 * Signs content, which stays readable for everyone, inside the envelope. Recipients of the sealer play no part.
 *
 * @param sealer The sealer.
 * @param draft What is said of the message.
 * @param content The content.
 * @param length Its length in bytes.
 * @param envelope The envelope is appended to this buffer.
 * @param sent Receives what was signed; may be NULL.
 * @param error May be NULL; see bulla_error.
 * @return As bulla_seal(), but for recipients and sessions.
 * Threads: any for sealer and draft, one at a time for the buffer.
 */
BULLA_MUST_CHECK bulla_status bulla_sign(const bulla_sealer *sealer,
                        const bulla_draft *draft,
                        const uint8_t *content,
                        size_t length,
                        bulla_buffer *envelope,
                        bulla_sent *sent,
                        bulla_error *error);

/**
 * Signs content that stays beside the envelope, as for web pages and software.
 *
 * @param sealer The sealer.
 * @param draft What is said of the message.
 * @param content The content.
 * @param length Its length in bytes.
 * @param envelope The envelope, without the content, is appended to this buffer.
 * @param sent Receives what was signed; may be NULL.
 * @param error May be NULL; see bulla_error.
 * @return As bulla_sign().
 * Threads: any for sealer and draft, one at a time for the buffer.
 */
BULLA_MUST_CHECK bulla_status bulla_sign_detached(const bulla_sealer *sealer,
                                 const bulla_draft *draft,
                                 const uint8_t *content,
                                 size_t length,
                                 bulla_buffer *envelope,
                                 bulla_sent *sent,
                                 bulla_error *error);

/**
 * For a length that is not known when the stream begins.
 */
#define BULLA_LENGTH_UNKNOWN UINT64_MAX

/**
 * A detached envelope in the making, over content that comes in pieces.
 */
typedef struct bulla_detached_signer bulla_detached_signer;

/**
 * An envelope in the making. One that is not finished opens to nobody.
 */
typedef struct bulla_seal_stream bulla_seal_stream;

/**
 * Begins a sealed envelope whose content comes in pieces.
 *
 * If the length is known it is signed up front, and the envelope is padded as the sealer says; otherwise it is not padded.
 * For its reader the content is provisional until its end: bulla_seal() is better where the content is at hand.
 *
 * @param sealer The sealer, with at least one recipient. It may be changed or freed while the stream goes on.
 * @param draft What is said of the message.
 * @param length How long the content will be, in bytes, or BULLA_LENGTH_UNKNOWN.
 * @param envelope The beginning of the envelope is appended to this buffer.
 * @param stream Receives the stream; free it with bulla_seal_stream_free().
 * @param error May be NULL; see bulla_error.
 * @return As bulla_seal().
 * Threads: any for sealer and draft, one at a time for the buffer.
 */
BULLA_MUST_CHECK bulla_status bulla_seal_stream_new(const bulla_sealer *sealer,
                                   const bulla_draft *draft,
                                   uint64_t length,
                                   bulla_buffer *envelope,
                                   struct bulla_seal_stream **stream,
                                   bulla_error *error);

/**
 * Begins a signed envelope whose content comes in pieces and stays readable for everyone.
 *
 * @param sealer The sealer. It may be changed or freed while the stream goes on.
 * @param draft What is said of the message.
 * @param length How long the content will be, in bytes, or BULLA_LENGTH_UNKNOWN.
 * @param envelope The beginning of the envelope is appended to this buffer.
 * @param stream Receives the stream; free it with bulla_seal_stream_free().
 * @param error May be NULL; see bulla_error.
 * @return As bulla_sign().
 * Threads: any for sealer and draft, one at a time for the buffer.
 */
BULLA_MUST_CHECK bulla_status bulla_sign_stream_new(const bulla_sealer *sealer,
                                   const bulla_draft *draft,
                                   uint64_t length,
                                   bulla_buffer *envelope,
                                   struct bulla_seal_stream **stream,
                                   bulla_error *error);

/**
 * Takes the next piece of the content.
 *
 * @param stream The stream.
 * @param content The piece.
 * @param length Its length in bytes.
 * @param envelope What the piece completes of the envelope is appended to this buffer: write it out, clear it, use it again.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_LENGTH_MISMATCH if there is more content than announced; BULLA_BUFFER_TOO_SMALL;
 *         BULLA_INVALID_INPUT for NULL; BULLA_WRONG_ORDER after bulla_seal_stream_pad() and bulla_seal_stream_finish(). After any
 *         failure but for NULL the stream can only be freed: what it took of the content is in no buffer.
 * Threads: one at a time for each stream.
 */
BULLA_MUST_CHECK bulla_status bulla_seal_stream_update(struct bulla_seal_stream *stream,
                                      const uint8_t *content,
                                      size_t length,
                                      bulla_buffer *envelope,
                                      bulla_error *error);

/**
 * Appends some of the padding, at most 64 KiB, once all content has come. The padding of a long content is long (12 % of it at
 * most): call this until it says that there is none left, and write out what came in between, to keep memory small. It need not be
 * called: bulla_seal_stream_finish() appends at once what is left.
 *
 * @param stream The stream. It takes no more content afterwards.
 * @param envelope What is completed of the envelope is appended to this buffer: write it out, clear it, use it again.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK if there may be more: call it again. BULLA_NOTHING if none is left. BULLA_LENGTH_MISMATCH if there was less content
 *         than announced; BULLA_BUFFER_TOO_SMALL; BULLA_INVALID_INPUT for NULL; BULLA_WRONG_ORDER after bulla_seal_stream_finish().
 *         After any failure but for NULL the stream can only be freed.
 * Threads: one at a time for each stream.
 */
BULLA_MUST_CHECK bulla_status bulla_seal_stream_pad(struct bulla_seal_stream *stream,
                                   bulla_buffer *envelope,
                                   bulla_error *error);

/**
 * Ends the envelope. The stream can then only be freed.
 *
 * @param stream The stream.
 * @param envelope The end of the envelope is appended to this buffer, with what is left of the padding, up to 12 % of the content
 *        (bulla_seal_stream_pad() appends it in pieces before).
 * @param sent Receives what receipts are to be compared with; may be NULL.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_LENGTH_MISMATCH if there was less content than announced; BULLA_KEY_UNAVAILABLE;
 *         BULLA_BUFFER_TOO_SMALL; BULLA_INVALID_INPUT for NULL; BULLA_WRONG_ORDER after a failure and after the end.
 * Threads: one at a time for each stream.
 */
BULLA_MUST_CHECK bulla_status bulla_seal_stream_finish(struct bulla_seal_stream *stream,
                                      bulla_buffer *envelope,
                                      bulla_sent *sent,
                                      bulla_error *error);

/**
 * Frees a stream; one that is not finished leaves nothing to clean up.
 *
 * @param stream The stream; NULL is nothing.
 * Threads: when no other call uses it.
 */
void bulla_seal_stream_free(struct bulla_seal_stream *stream);

/**
 * Begins a detached envelope over content that comes in pieces.
 *
 * @param sealer The sealer. It may be changed or freed while the stream goes on.
 * @param draft What is said of the message.
 * @param signer Receives what takes the content; free it with bulla_detached_signer_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any for sealer and draft.
 */
BULLA_MUST_CHECK bulla_status bulla_detached_signer_new(const bulla_sealer *sealer,
                                       const bulla_draft *draft,
                                       struct bulla_detached_signer **signer,
                                       bulla_error *error);

/**
 * Takes the next piece of the content.
 *
 * @param signer What takes the content.
 * @param content The piece.
 * @param length Its length in bytes.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, BULLA_INVALID_INPUT for NULL, BULLA_WRONG_ORDER after bulla_detached_signer_finish().
 * Threads: one at a time for each signer.
 */
BULLA_MUST_CHECK bulla_status bulla_detached_signer_update(struct bulla_detached_signer *signer,
                                          const uint8_t *content,
                                          size_t length,
                                          bulla_error *error);

/**
 * Makes the envelope. The signer can then only be freed.
 *
 * @param signer What took the content.
 * @param envelope The envelope, without the content, is appended to this buffer.
 * @param sent Receives what was signed; may be NULL.
 * @param error May be NULL; see bulla_error.
 * @return As bulla_sign_detached(); BULLA_WRONG_ORDER after the end.
 * Threads: one at a time for each signer.
 */
BULLA_MUST_CHECK bulla_status bulla_detached_signer_finish(struct bulla_detached_signer *signer,
                                          bulla_buffer *envelope,
                                          bulla_sent *sent,
                                          bulla_error *error);

/**
 * Frees a detached signer.
 *
 * @param signer What took the content; NULL is nothing.
 * Threads: when no other call uses it.
 */
void bulla_detached_signer_free(struct bulla_detached_signer *signer);

/* ==== What is accepted ============================================================================================ */

/**
 * For a greatest age that there is none of: messages are accepted until they expire.
 */
#define BULLA_NO_MAX_AGE UINT64_MAX

/**
 * Messages are taken as they come.
 */
#define BULLA_ORDER_ANY 0

/**
 * Of each stream only what is newer than all before it: for configuration, web pages.
 */
#define BULLA_ORDER_MONOTONIC 1

/**
 * Of each stream everything, within a window, and it is known what is missing.
 */
#define BULLA_ORDER_GAPLESS 2

/**
 * What a reader accepts: one context, and the senders that are named. It accepts nobody until they are.
 */
typedef struct bulla_policy bulla_policy;

/**
 * Begins a policy for a context.
 *
 * @param context The context that messages must be made for: 1 to 255 bytes without control characters, closed with NUL.
 * @param policy Receives the policy; free it with bulla_policy_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_policy_new(const char *context, struct bulla_policy **policy, bulla_error *error);

/**
 * Accepts messages of this sender.
 *
 * @param policy The policy.
 * @param sender The sender's signing key, as bulla_public_key() gives it.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_INVALID_INPUT for NULL, or if it is no signing key.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_policy_allow(struct bulla_policy *policy, const bulla_key *sender, bulla_error *error);

/**
 * Accepts messages of the sender of this public identity: as bulla_policy_allow() with its signing key.
 *
 * @param policy The policy.
 * @param sender The sender.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_policy_allow_identity(struct bulla_policy *policy, const bulla_public *sender, bulla_error *error);

/**
 * Accepts messages of anyone. The sender is then known by the key in the stamp alone: look at it.
 *
 * @param policy The policy.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_policy_allow_anyone(struct bulla_policy *policy, bulla_error *error);

/**
 * Accepts messages that are at most so old. A new policy accepts 30 days.
 *
 * @param policy The policy.
 * @param seconds How old, or BULLA_NO_MAX_AGE.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_policy_max_age(struct bulla_policy *policy, uint64_t seconds, bulla_error *error);

/**
 * How far the clocks of sender and reader may differ. A new policy accepts 120 seconds.
 *
 * @param policy The policy.
 * @param seconds How far, at most 3600; more counts as 3600.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_policy_skew(struct bulla_policy *policy, uint64_t seconds, bulla_error *error);

/**
 * Whether messages made with the reader's own key are accepted. A new policy refuses them.
 *
 * @param policy The policy.
 * @param allow 1 or 0.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_policy_allow_own(struct bulla_policy *policy, uint8_t allow, bulla_error *error);

/**
 * Demands that messages come in the order of their streams. It needs a replay guard.
 *
 * @param policy The policy.
 * @param order BULLA_ORDER_ANY, BULLA_ORDER_MONOTONIC or BULLA_ORDER_GAPLESS.
 * @param window With BULLA_ORDER_GAPLESS: how many numbers before the greatest may be missing, 1 to 4096. Else it is ignored.
 * @param first With BULLA_ORDER_GAPLESS: the number with which streams begin. Else it is ignored.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_policy_order(struct bulla_policy *policy,
                                uint32_t order,
                                uint16_t window,
                                uint64_t first,
                                bulla_error *error);

/**
 * Demands that messages answer a challenge of this reader's (bulla_opener_challenge()). It needs a replay guard.
 *
 * @param policy The policy.
 * @param demand 1 or 0.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_policy_demand_challenge(struct bulla_policy *policy, uint8_t demand, bulla_error *error);

/**
 * How many trial decryptions (keys of the reader × stanzas of an envelope) are made at most. A new policy makes 100 000.
 *
 * @param policy The policy.
 * @param trials How many.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_policy_max_trials(struct bulla_policy *policy, size_t trials, bulla_error *error);

/**
 * Frees a policy; what was made with it keeps it as it was then.
 *
 * @param policy The policy; NULL is nothing.
 * Threads: when no other call uses it.
 */
void bulla_policy_free(struct bulla_policy *policy);

/**
 * A replay guard: remembers what was accepted, so that nothing is accepted twice. It may be used by several threads, and by
 * several openers.
 */
typedef struct bulla_guard bulla_guard;

/**
 * How much a guard remembers. What has no room is refused with BULLA_GUARD_FULL.
 */
typedef struct bulla_guard_limits {
  /**
   * Messages of senders that the policy names; at least 1.
   */
  size_t capacity;
  /**
   * Messages of others, accepted because anyone is. 0: a quarter of `capacity`.
   */
  size_t strangers;
  /**
   * Messages of one named sender. 0: half of `capacity`.
   */
  size_t per_sender;
  /**
   * Messages of one other. 0: an eighth of `capacity`.
   */
  size_t per_stranger;
} bulla_guard_limits;

/**
 * Makes a guard in memory. It forgets everything when the process ends: what was accepted may then be accepted once more, as
 * long as its time is not over. A process that was forked off cannot use it: it would accept once more what this one has.
 *
 * @param how_much How much it remembers; NULL: a million messages. It takes memory only for what it remembers, about 300
 *        bytes a message.
 * @param guard Receives the guard; free it with bulla_guard_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_guard_in_memory(const struct bulla_guard_limits *how_much, struct bulla_guard **guard, bulla_error *error);

/**
 * Drops entries whose time has come. Guards do that by themselves as messages come; this is for idle times.
 *
 * @param guard The guard.
 * @param now The time in seconds since 1970.
 * @param at_most How many entries at most.
 * @param dropped Receives how many; may be NULL.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, BULLA_GUARD_UNAVAILABLE, BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_guard_sweep(const struct bulla_guard *guard,
                               uint64_t now,
                               size_t at_most,
                               size_t *dropped,
                               bulla_error *error);

/**
 * Frees a guard; what was made with it keeps its share.
 *
 * @param guard The guard; NULL is nothing.
 * Threads: when no other call uses it.
 */
void bulla_guard_free(struct bulla_guard *guard);

/* ==== Guards that last, and guards of a fleet ===================================================================== */

/**
 * A file for what must survive restarts and crashes. Guards and outboxes are kept in it; several of them in one file share the
 * syncs of the disk. It may be used by several threads, and the file by several processes of this machine.
 *
 * The file must be on a file system of this machine, and nothing else in the process may open it, not even to read. It is not
 * to be carried over a fork: open the file after it.
 */
typedef struct bulla_database bulla_database;

/**
 * How much of everything there is in a durable guard.
 */
typedef struct bulla_guard_counts {
  /**
   * Messages that are reserved; the lease of some may have run out.
   */
  uint64_t reserved;
  /**
   * Messages that were given up, and may come again.
   */
  uint64_t released;
  /**
   * Messages that were accepted for good.
   */
  uint64_t committed;
  /**
   * How many of them all are of strangers.
   */
  uint64_t strangers;
  /**
   * Ordered streams that are known.
   */
  uint64_t streams;
  /**
   * Challenges whose answer is expected.
   */
  uint64_t challenges;
  /**
   * The time that it judges by at least, in seconds since 1970.
   */
  uint64_t high_water;
  /**
   * Length of the file and its log, in bytes.
   */
  uint64_t file_bytes;
  /**
   * Version of the file's tables.
   */
  int64_t schema_version;
} bulla_guard_counts;

/**
 * Opens the durable file, and makes it if there is none, readable by its owner alone. Where the file is lost, what it
 * remembered is lost: a host that knows that there must be one uses bulla_database_open_existing().
 *
 * @param file Its path, closed with NUL. Two more files (-wal, -shm) stand beside it while it is used, and belong to it.
 * @param database Receives the database; free it with bulla_database_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_GUARD_UNAVAILABLE if it is something else, damaged, not writable, or has no folder or no room, and
 *         then what is there stays as it is; BULLA_INVALID_INPUT for NULL, and in a library without the feature "sqlite".
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_database_open(const char *file, struct bulla_database **database, bulla_error *error);

/**
 * Opens a durable file that is there.
 *
 * @param file Its path, closed with NUL.
 * @param database Receives the database; free it with bulla_database_free().
 * @param error May be NULL; see bulla_error.
 * @return As bulla_database_open(), and BULLA_GUARD_UNAVAILABLE if there is none.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_database_open_existing(const char *file, struct bulla_database **database, bulla_error *error);

/**
 * Frees a database; guards and outboxes made with it keep their share. The file is closed when the last of them is freed.
 *
 * @param database The database; NULL is nothing.
 * Threads: when no other call uses it.
 */
void bulla_database_free(struct bulla_database *database);

/**
 * Makes the guard of a durable file: it forgets nothing when the process ends or is killed. What was accepted is on the disk.
 *
 * @param database The database. All guards of one file are one guard.
 * @param how_much How much it remembers; NULL: a million messages, which take about 300 MB of the disk. The limits are not
 *        kept in the file: give the same everywhere.
 * @param guard Receives the guard; free it with bulla_guard_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_guard_durable(const struct bulla_database *database,
                                 const bulla_guard_limits *how_much,
                                 bulla_guard **guard,
                                 bulla_error *error);

/**
 * How much of everything there is in a durable guard. It counts the messages, so it takes a second where there are millions;
 * others use the guard meanwhile.
 *
 * @param guard A guard of bulla_guard_durable().
 * @param counts Receives the counts.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, BULLA_GUARD_UNAVAILABLE, BULLA_INVALID_INPUT for NULL and for another guard.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_guard_durable_counts(const bulla_guard *guard, struct bulla_guard_counts *counts, bulla_error *error);

/**
 * Reads the whole file of a durable guard, and fails if anything in it is damaged or does not agree: minutes where there are
 * millions of messages.
 *
 * @param guard A guard of bulla_guard_durable().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_GUARD_UNAVAILABLE if it is damaged or cannot be read; BULLA_INVALID_INPUT for NULL and for another
 *         guard.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_guard_durable_check(const bulla_guard *guard, bulla_error *error);

/**
 * How a guard reaches its server, and how much it may keep there. Set all of it to zero, then `size`, then what is wanted: what
 * is zero is as usual.
 */
typedef struct bulla_redis_settings {
  /**
   * sizeof(bulla_redis_settings).
   */
  size_t size;
  /**
   * Under which prefix the keys stand on the server: 1 to 64 visible ASCII characters without braces, closed with NUL. NULL:
   * "bulla". Guards of one prefix are one guard.
   */
  const char *prefix;
  /**
   * Uses only the store of this id (bulla_guard_store_id()), and makes none; closed with NUL. NULL: any store, and a new one
   * where there is none.
   */
  const char *expected_store;
  /**
   * Trusts only these root certificates (PEM) instead of those of the system. NULL: those of the system.
   */
  const uint8_t *root_certificates;
  /**
   * Length of `root_certificates` in bytes.
   */
  size_t root_certificates_length;
  /**
   * The certificate (PEM) that is shown to the server. NULL: none.
   */
  const uint8_t *client_certificate;
  /**
   * Length of `client_certificate` in bytes.
   */
  size_t client_certificate_length;
  /**
   * The key (PEM) of that certificate.
   */
  const uint8_t *client_key;
  /**
   * Length of `client_key` in bytes.
   */
  size_t client_key_length;
  /**
   * How much it remembers. NULL: 10 million messages of named senders, 5 million of one, 1 million of others, 100 000 of one.
   * A message takes about 400 bytes on the server.
   */
  const bulla_guard_limits *how_much;
  /**
   * How far ahead of the server's clock a reader's may be, in seconds. 0: 3600.
   */
  uint64_t clock_ahead;
  /**
   * How long connecting may take, in milliseconds, 1 to 60 000. 0: 2000.
   */
  uint32_t connect_timeout;
  /**
   * How long the server may be silent, in milliseconds, 1 to 60 000. 0: 2000.
   */
  uint32_t response_timeout;
  /**
   * How many connections it may have at a time. 0: 8.
   */
  uint32_t connections;
  /**
   * 1: accepts a server that does not tell whether it evicts entries. It must not.
   */
  uint8_t allow_unknown_eviction;
  /**
   * Zero.
   */
  uint8_t reserved[3];
} bulla_redis_settings;

/**
 * Makes a guard that many processes and machines share, on a Redis or Valkey server. It connects at once; each process that is
 * forked off makes its own. Where the server cannot be reached or is silent nothing is accepted, and no silence is waited for
 * longer than the settings say. A reply that comes drop by drop is waited for as long as it comes.
 *
 * What the server forgets, the guard forgets: it must not evict, and its persistence says what a crash costs. A server that
 * comes back empty is noticed by the guards that were connected before, and by those with `expected_store`.
 *
 * @param url redis://user:password@host:port/db, rediss:// with the same for TLS, or unix:///path?db=0; closed with NUL. No
 *        error shows it.
 * @param settings How to reach it; NULL: all as usual.
 * @param guard Receives the guard; free it with bulla_guard_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_GUARD_UNAVAILABLE if the server cannot be reached or used, may evict entries, is a replica, or has
 *         not the expected store; BULLA_GUARD_FULL if it has no memory left; BULLA_INVALID_INPUT for NULL and for settings
 *         that are not acceptable, and in a library without the feature "redis".
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_guard_redis(const char *url,
                               const struct bulla_redis_settings *settings,
                               bulla_guard **guard,
                               bulla_error *error);

/**
 * The id of the store on the server. It stays the same until the server forgets: keep it, and expect it at the next start
 * (`expected_store`), to notice that.
 *
 * @param guard The guard.
 * @param id The id, in ASCII, is appended to this buffer, without a closing NUL; at most 64 bytes.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_NOTHING for a guard that is not on a server; BULLA_BUFFER_TOO_SMALL; BULLA_INVALID_INPUT for NULL.
 * Threads: any for the guard, one at a time for the buffer.
 */
BULLA_MUST_CHECK bulla_status bulla_guard_store_id(const bulla_guard *guard, bulla_buffer *id, bulla_error *error);

/* ==== Guards of the host's own ==================================================================================== */

/**
 * Ranges of numbers, ascending, with a gap between each and the next.
 */
typedef struct bulla_ranges bulla_ranges;

/**
 * How many ranges there are.
 *
 * @param ranges The ranges.
 * @return The count; 0 for NULL.
 * Threads: any.
 */
size_t bulla_ranges_count(const struct bulla_ranges *ranges);

/**
 * One of the ranges.
 *
 * @param ranges The ranges.
 * @param index Which one, from 0 on.
 * @param first Receives the first number of it.
 * @param last Receives the last number of it, which may be the same.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_NOTHING if there are not so many; BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_ranges_get(const struct bulla_ranges *ranges,
                              size_t index,
                              uint64_t *first,
                              uint64_t *last,
                              bulla_error *error);

/**
 * Adds a range: for the callbacks of a guard of the host's own.
 *
 * @param ranges The ranges.
 * @param first The first number; it must be greater than the last one of the range before by 2 or more.
 * @param last The last number, not less than `first`.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_INVALID_INPUT for NULL, for a range that does not follow, and beyond 8192 ranges.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_ranges_add(struct bulla_ranges *ranges, uint64_t first, uint64_t last, bulla_error *error);

/**
 * Frees ranges.
 *
 * @param ranges The ranges; NULL is nothing. Not those that a callback is given.
 * Threads: when no other call uses it.
 */
void bulla_ranges_free(struct bulla_ranges *ranges);

/**
 * It was not there, and is now: reserved under the number that was given with this answer if a lease was asked for, else
 * accepted for good.
 */
#define BULLA_CLAIM_NEW 1

/**
 * The same message, accepted before, with the receipt stored then, which may be empty.
 */
#define BULLA_CLAIM_SAME 2

/**
 * Reserved by somebody whose lease still runs.
 */
#define BULLA_CLAIM_PENDING 3

/**
 * There with another value, accepted or reserved.
 */
#define BULLA_CLAIM_REPLAYED 4

/**
 * Not there, but as old as what was already forgotten, or over by its own `keep_until`.
 */
#define BULLA_CLAIM_FORGOTTEN 5

/**
 * Not there, and not newer than what was accepted in its stream.
 */
#define BULLA_CLAIM_SUPERSEDED 6

/**
 * Not there, and too far ahead in its stream.
 */
#define BULLA_CLAIM_GAP 7

/**
 * Not there, and the challenge that it answers is not expected.
 */
#define BULLA_CLAIM_UNASKED 8

/**
 * A place in an ordered stream.
 */
typedef struct bulla_place {
  /**
   * Names the stream: reader, signer, context, stream id.
   */
  bulla_digest stream;
  /**
   * The number in it.
   */
  uint64_t number;
  /**
   * With BULLA_ORDER_GAPLESS: the first number of a stream.
   */
  uint64_t first;
  /**
   * From when on every message of the stream that was issued before this one, or with it, is too old, in seconds since 1970;
   * UINT64_MAX without a greatest age. From then on a stranger's stream may be forgotten.
   */
  uint64_t keep_until;
  /**
   * When this very copy was issued, in seconds since 1970: of a stranger's stream keep the latest that was settled, and raise
   * what is forgotten of its scope to that when the stream is dropped.
   */
  uint64_t issued;
  /**
   * Which order is demanded: BULLA_ORDER_MONOTONIC or BULLA_ORDER_GAPLESS.
   */
  uint32_t order;
  /**
   * With BULLA_ORDER_GAPLESS: how many numbers, from the first missing one on, are accepted.
   */
  uint16_t window;
  /**
   * Zero.
   */
  uint8_t reserved[2];
} bulla_place;

/**
 * What the gate asks a guard to remember. All of it comes from a verified stamp and the reader's policy. A guard heeds every
 * field: one that did not would accept what it must not.
 */
typedef struct bulla_claim {
  /**
   * Names the message: reader, signer, message id, context.
   */
  bulla_digest key;
  /**
   * What the message says to the application: equal for an honest re-seal. 32 zero bytes where it is to be refused by a stamp
   * that does not name its content: then it is the same as whatever has its key.
   */
  bulla_digest value;
  /**
   * Reader and context: what is remembered of messages that were dropped is kept for these.
   */
  bulla_digest scope;
  /**
   * The public signing key of the sender, for quotas.
   */
  bulla_key signer;
  /**
   * When it was issued, in seconds since 1970.
   */
  uint64_t issued;
  /**
   * From when on the entry may be dropped, in seconds since 1970. Of no meaning with a challenge.
   */
  uint64_t keep_until;
  /**
   * Its place in an ordered stream; only if `has_place` is 1.
   */
  struct bulla_place place;
  /**
   * Names the challenge that it answers; only if `has_challenge` is 1. It must be expected, and then is used up; the entry is
   * kept until the end of the challenge and 3600 seconds more.
   */
  bulla_digest challenge;
  /**
   * 1 if the signer was accepted because anyone is: such entries have a pool of their own.
   */
  uint8_t stranger;
  /**
   * 1 if `keep_until` comes from the greatest age and not from the expiry.
   */
  uint8_t bounded_by_age;
  /**
   * 1 if the policy demands an order.
   */
  uint8_t has_place;
  /**
   * 1 if the policy demands a challenge.
   */
  uint8_t has_challenge;
  /**
   * Zero.
   */
  uint8_t reserved[4];
} bulla_claim;

/**
 * Names one reservation. It is stale once another was made of the same message.
 */
typedef struct bulla_lease_token {
  /**
   * The key of the entry.
   */
  bulla_digest key;
  /**
   * The number that the guard gave with BULLA_CLAIM_NEW. It grows with every reservation of the guard.
   */
  uint64_t number;
} bulla_lease_token;

/**
 * The time to judge by: writes to `time` the greatest that this guard was ever shown, `now` included.
 */
typedef bulla_status (*bulla_guard_observe)(void *context, uint64_t now, uint64_t *time);

/**
 * Inserts if absent. `lease` points to seconds: the entry is reserved for so long; if it is NULL it is accepted at once. Writes
 * one of BULLA_CLAIM_NEW to BULLA_CLAIM_UNASKED to `answer`; with BULLA_CLAIM_NEW the number of the reservation to `number`;
 * with BULLA_CLAIM_SAME the stored receipt, at most 4096 bytes, with bulla_buffer_append() into `receipt`. Where several answers
 * are right: what an entry that is there says, then unasked, forgotten, superseded, gap, and last BULLA_GUARD_FULL. It never
 * answers BULLA_CLAIM_NEW without having stored the entry.
 */
typedef bulla_status (*bulla_guard_claim)(void *context,
                                          const bulla_claim *claim,
                                          uint64_t now,
                                          const uint64_t *lease,
                                          uint32_t *answer,
                                          uint64_t *number,
                                          bulla_buffer *receipt);

/**
 * Makes a reservation final and stores a receipt of `length` bytes, at most 4096, with it. If the message has a place in a
 * stream it is judged once more, and settled. BULLA_LEASE_LOST if the token is stale; BULLA_SUPERSEDED if a newer one of its
 * stream was accepted meanwhile, and then the reservation is given up; BULLA_GUARD_FULL if there is no room for its stream.
 */
typedef bulla_status (*bulla_guard_commit)(void *context, const bulla_lease_token *token, const uint8_t *receipt, size_t length);

/**
 * Gives a reservation up: the message may come again. BULLA_LEASE_LOST if the token is stale.
 */
typedef bulla_status (*bulla_guard_release)(void *context, const bulla_lease_token *token);

/**
 * Extends a reservation to `now` + `lease` seconds. BULLA_LEASE_LOST if the token is stale.
 */
typedef bulla_status (*bulla_guard_renew)(void *context, const bulla_lease_token *token, uint64_t now, uint64_t lease);

/**
 * Drops at most `at_most` entries whose time has come, and writes to `dropped` how many.
 */
typedef bulla_status (*bulla_guard_drop_old)(void *context, uint64_t now, size_t at_most, size_t *dropped);

/**
 * Expects one answer to a challenge, until the time `until`. BULLA_GUARD_FULL if there is no room.
 */
typedef bulla_status (*bulla_guard_expect)(void *context, const bulla_digest *challenge, uint64_t until, uint64_t now);

/**
 * Puts into `missing`, with bulla_ranges_add(), the numbers of a stream below the greatest that was settled that were neither
 * settled nor skipped. None for a stream that is not known.
 */
typedef bulla_status (*bulla_guard_missing)(void *context, const bulla_digest *stream, bulla_ranges *missing);

/**
 * Waits no longer for the numbers of a stream before this one: they are refused from now on.
 */
typedef bulla_status (*bulla_guard_skip)(void *context, const bulla_digest *stream, uint64_t before);

/**
 * Forgets a stream at once, and writes to `was_known` 1 if it was known, else 0: its place is free, and its next message begins
 * it anew.
 */
typedef bulla_status (*bulla_guard_forget_stream)(void *context, const bulla_digest *stream, uint8_t *was_known);

/**
 * Writes 1 to `permitted` if something may be done once more, and then counts it as done; else 0. At most `burst` times at once,
 * and then once every `every` seconds.
 */
typedef bulla_status (*bulla_guard_permit)(void *context,
                                           const bulla_digest *what,
                                           uint64_t now,
                                           uint64_t every,
                                           uint32_t burst,
                                           uint8_t *permitted);

/**
 * Changes nothing. Writes 1 to `found` if this message was accepted before, by an entry that is not over, has the same value (32
 * zero bytes are equal to every other), and would not have to be kept longer for the claim than it is: `keep_until` and `issued`
 * of the claim are not later than its own, and it is bounded by age if the claim is (with a challenge in the claim, whatever its
 * times are). Then puts the stored receipt, at most 4096 bytes, with bulla_buffer_append() into `receipt`. Else 0.
 */
typedef bulla_status (*bulla_guard_look)(void *context, const bulla_claim *claim, uint8_t *found, bulla_buffer *receipt);

/**
 * A replay guard of the host's own. Set all of it to zero, then `size`, then the functions. Each of them is one atomic step for
 * any number of threads, and returns BULLA_OK, one of the failures that its comment names, or BULLA_GUARD_UNAVAILABLE. What
 * else is returned or answered is taken for BULLA_GUARD_UNAVAILABLE, and then nothing is accepted. Handles that a function is
 * given are good until it returns, and are not freed.
 */
typedef struct bulla_guard_callbacks {
  /**
   * sizeof(bulla_guard_callbacks).
   */
  size_t size;
  /**
   * Given to each function; may be NULL.
   */
  void *context;
  /**
   * Called with the context when the guard, and all that it was given to, are freed; may be NULL. If making the guard fails
   * it is not called.
   */
  bulla_drop drop;
  /**
   * Needed.
   */
  bulla_guard_observe observe;
  /**
   * Needed.
   */
  bulla_guard_claim claim;
  /**
   * Needed.
   */
  bulla_guard_commit commit;
  /**
   * Needed.
   */
  bulla_guard_release release;
  /**
   * Needed.
   */
  bulla_guard_renew renew;
  /**
   * May be NULL: the guard drops old entries by itself.
   */
  bulla_guard_drop_old sweep;
  /**
   * May be NULL: no challenge can be made, and messages that answer one are refused.
   */
  bulla_guard_expect expect;
  /**
   * May be NULL: what is missing cannot be asked.
   */
  bulla_guard_missing missing;
  /**
   * May be NULL: nothing can be given up.
   */
  bulla_guard_skip skip;
  /**
   * May be NULL: no stream can be forgotten.
   */
  bulla_guard_forget_stream forget_stream;
  /**
   * May be NULL: nothing is permitted.
   */
  bulla_guard_permit permit;
  /**
   * May be NULL: nothing is known but by a claim, and copies that a store is given are written once more before the claim.
   */
  bulla_guard_look look;
} bulla_guard_callbacks;

/**
 * Makes a guard of functions of the host's: over a store that the host has anyway. What is promised to readers then depends on
 * those functions; the guards of the library are the safer choice.
 *
 * @param callbacks The functions; copied.
 * @param guard Receives the guard; free it with bulla_guard_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_INVALID_INPUT for NULL, for a function that is needed and missing, and for a wrong size.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_guard_of_callbacks(const bulla_guard_callbacks *callbacks, bulla_guard **guard, bulla_error *error);

/* ==== What a guard that lasts remembers =========================================================================== */

/**
 * Somebody works on the message, or did when the lease ran out.
 */
#define BULLA_ENTRY_RESERVED 1

/**
 * The message was given up, and may come again.
 */
#define BULLA_ENTRY_RELEASED 2

/**
 * The message was accepted or rejected for good.
 */
#define BULLA_ENTRY_COMMITTED 3

/**
 * Messages that a durable guard remembers, as they were when it was asked.
 */
typedef struct bulla_guard_entry_list bulla_guard_entry_list;

/**
 * Streams that a durable guard knows, as they were when it was asked.
 */
typedef struct bulla_guard_stream_list bulla_guard_stream_list;

/**
 * What a durable guard remembers of one message. Nothing of it is secret.
 */
typedef struct bulla_guard_entry {
  /**
   * Names the message: reader, signer, message id, context.
   */
  bulla_digest name;
  /**
   * Who signed it.
   */
  bulla_key signer;
  /**
   * When it was issued, in seconds since 1970.
   */
  uint64_t issued;
  /**
   * From when on it may be dropped, in seconds since 1970.
   */
  uint64_t keep_until;
  /**
   * When the lease runs out, in seconds since 1970; only of BULLA_ENTRY_RESERVED.
   */
  uint64_t lease_until;
  /**
   * Length of the receipt or answer that is kept for copies, in bytes; only of BULLA_ENTRY_COMMITTED.
   */
  uint64_t answer_length;
  /**
   * What became of it: BULLA_ENTRY_RESERVED and its like.
   */
  uint32_t state;
  /**
   * 1 if the signer was accepted because anyone is.
   */
  uint8_t stranger;
  /**
   * Zero.
   */
  uint8_t reserved[3];
} bulla_guard_entry;

/**
 * An ordered stream that a durable guard knows. Nothing of it is secret.
 */
typedef struct bulla_guard_stream {
  /**
   * Names the stream: reader, signer, context, stream id.
   */
  bulla_digest name;
  /**
   * Who made it known.
   */
  bulla_key signer;
  /**
   * From when on it may be dropped if its room is needed, in seconds since 1970; only if `stays` is 0.
   */
  uint64_t keep_until;
  /**
   * The greatest number that was accepted or given up; only if `has_greatest` is 1.
   */
  uint64_t greatest;
  /**
   * 1 if it stays until it is forgotten.
   */
  uint8_t stays;
  /**
   * 1 if there is a greatest number.
   */
  uint8_t has_greatest;
  /**
   * 1 if the signer was accepted because anyone is.
   */
  uint8_t stranger;
  /**
   * Zero.
   */
  uint8_t reserved[5];
} bulla_guard_stream;

/**
 * Lists the messages that a durable guard remembers, in the order of their names. Others use the guard meanwhile.
 *
 * @param guard A guard of bulla_guard_durable().
 * @param at_most How many at most; each takes 104 bytes of memory.
 * @param after The list begins with the first name that follows this one: the last of the list before; NULL: from the beginning.
 * @param list Receives the list, which may be empty; free it with bulla_guard_entry_list_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, BULLA_GUARD_UNAVAILABLE, BULLA_INVALID_INPUT for NULL and for another guard.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_guard_durable_entries(const bulla_guard *guard,
                                         size_t at_most,
                                         const bulla_digest *after,
                                         struct bulla_guard_entry_list **list,
                                         bulla_error *error);

/**
 * How many messages there are in a list.
 *
 * @param list The list.
 * @return The number; 0 for NULL.
 * Threads: any.
 */
size_t bulla_guard_entry_list_count(const struct bulla_guard_entry_list *list);

/**
 * One of the messages of a list.
 *
 * @param list The list.
 * @param index Less than bulla_guard_entry_list_count().
 * @param found Receives what is remembered of it.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_guard_entry_list_at(const struct bulla_guard_entry_list *list,
                                       size_t index,
                                       struct bulla_guard_entry *found,
                                       bulla_error *error);

/**
 * Frees a list of messages.
 *
 * @param list The list; NULL is nothing.
 * Threads: when no other call uses it.
 */
void bulla_guard_entry_list_free(struct bulla_guard_entry_list *list);

/**
 * Lists the ordered streams that a durable guard knows, in the order of their names. Others use the guard meanwhile.
 *
 * @param guard A guard of bulla_guard_durable().
 * @param at_most How many at most.
 * @param after The list begins with the first name that follows this one: the last of the list before; NULL: from the beginning.
 * @param list Receives the list, which may be empty; free it with bulla_guard_stream_list_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, BULLA_GUARD_UNAVAILABLE, BULLA_INVALID_INPUT for NULL and for another guard.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_guard_durable_streams(const bulla_guard *guard,
                                         size_t at_most,
                                         const bulla_digest *after,
                                         struct bulla_guard_stream_list **list,
                                         bulla_error *error);

/**
 * How many streams there are in a list.
 *
 * @param list The list.
 * @return The number; 0 for NULL.
 * Threads: any.
 */
size_t bulla_guard_stream_list_count(const struct bulla_guard_stream_list *list);

/**
 * One of the streams of a list.
 *
 * @param list The list.
 * @param index Less than bulla_guard_stream_list_count().
 * @param found Receives what is known of it.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_guard_stream_list_at(const struct bulla_guard_stream_list *list,
                                        size_t index,
                                        struct bulla_guard_stream *found,
                                        bulla_error *error);

/**
 * Which numbers before the greatest are missing in one of the streams of a list.
 *
 * @param list The list.
 * @param index Less than bulla_guard_stream_list_count().
 * @param missing Receives the numbers; free them with bulla_ranges_free(). None if nothing is missing, or if nothing keeps count.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_guard_stream_list_missing(const struct bulla_guard_stream_list *list,
                                             size_t index,
                                             bulla_ranges **missing,
                                             bulla_error *error);

/**
 * Frees a list of streams.
 *
 * @param list The list; NULL is nothing.
 * Threads: when no other call uses it.
 */
void bulla_guard_stream_list_free(struct bulla_guard_stream_list *list);

/**
 * Forgets a stream of a durable guard by its name, as a list of streams gives it. What bulla_opener_forget_stream() says of the
 * danger holds here too.
 *
 * @param guard A guard of bulla_guard_durable().
 * @param name The name of the stream.
 * @param was_known Receives 1 if the guard knew the stream, else 0; may be NULL.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, BULLA_GUARD_UNAVAILABLE, BULLA_INVALID_INPUT for NULL and for another guard.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_guard_durable_forget_stream(const bulla_guard *guard,
                                               const bulla_digest *name,
                                               uint8_t *was_known,
                                               bulla_error *error);

/* ==== What is known of a message ================================================================================== */

/**
 * What the sender signed of a message: who, when, what for. It belongs to what it was asked of, and lives as long.
 *
 * The signature is verified. While a stream goes on, and after a refusal, nothing is known yet of the content.
 */
typedef struct bulla_stamp bulla_stamp;

/**
 * The public signing key of the sender.
 *
 * @param stamp The stamp.
 * @param signer Receives the key.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_stamp_signer(const struct bulla_stamp *stamp, bulla_key *signer, bulla_error *error);

/**
 * The id of the message.
 *
 * @param stamp The stamp.
 * @param id Receives the id.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_stamp_message_id(const struct bulla_stamp *stamp, bulla_message_id *id, bulla_error *error);

/**
 * The context that the message was made for, in UTF-8.
 *
 * @param stamp The stamp.
 * @return The context, which lives as long as the stamp; nothing for NULL.
 * Threads: any.
 */
bulla_view bulla_stamp_context(const struct bulla_stamp *stamp);

/**
 * What the content is, in printable ASCII.
 *
 * @param stamp The stamp.
 * @return The media type, which lives as long as the stamp; nothing if the sender gave none, and for NULL.
 * Threads: any.
 */
bulla_view bulla_stamp_content_type(const struct bulla_stamp *stamp);

/**
 * When the message was issued, as the sender says.
 *
 * @param stamp The stamp.
 * @return Seconds since 1970; 0 for NULL.
 * Threads: any.
 */
uint64_t bulla_stamp_issued(const struct bulla_stamp *stamp);

/**
 * When the message expires.
 *
 * @param stamp The stamp.
 * @param expires Receives seconds since 1970.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_NOTHING if it does not expire; BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_stamp_expires(const struct bulla_stamp *stamp, uint64_t *expires, bulla_error *error);

/**
 * The length of the content, if it is signed up front.
 *
 * @param stamp The stamp.
 * @param length Receives the length in bytes.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_NOTHING if it is told only at the end; BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_stamp_length(const struct bulla_stamp *stamp, uint64_t *length, bulla_error *error);

/**
 * The place of the message in a stream.
 *
 * @param stamp The stamp.
 * @param stream Receives the name of the stream, which lives as long as the stamp.
 * @param number Receives the number in it.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_NOTHING if it has none; BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_stamp_sequence(const struct bulla_stamp *stamp, bulla_view *stream, uint64_t *number, bulla_error *error);

/**
 * Which receipts the sender asks for: BULLA_RECEIPT_DELIVERED, BULLA_RECEIPT_STORED, BULLA_RECEIPT_REJECTED, added.
 *
 * @param stamp The stamp.
 * @return The receipts; 0 for none, and for NULL.
 * Threads: any.
 */
uint32_t bulla_stamp_receipts(const struct bulla_stamp *stamp);

/**
 * How many attributes there are.
 *
 * @param stamp The stamp.
 * @return The number, at most 64; 0 for NULL.
 * Threads: any.
 */
size_t bulla_stamp_attribute_count(const struct bulla_stamp *stamp);

/**
 * An attribute by its number. What is in it is data of the sender's: a file name is never a path.
 *
 * @param stamp The stamp.
 * @param index Less than bulla_stamp_attribute_count().
 * @param name Receives the name, in UTF-8, which lives as long as the stamp.
 * @param value Receives the value, which lives as long as the stamp.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_stamp_attribute_at(const struct bulla_stamp *stamp,
                                      size_t index,
                                      bulla_view *name,
                                      bulla_view *value,
                                      bulla_error *error);

/**
 * An attribute by its name. What is in it is data of the sender's: a file name is never a path.
 *
 * @param stamp The stamp.
 * @param name The name, closed with NUL.
 * @param value Receives the value, which lives as long as the stamp.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_NOTHING if there is none of this name; BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_stamp_attribute(const struct bulla_stamp *stamp, const char *name, bulla_view *value, bulla_error *error);

/**
 * A message that passed every check. Only the gate makes it.
 */
typedef struct bulla_message bulla_message;

/**
 * Whether freshness was checked: 0 for messages from an archive.
 *
 * @param message The message.
 * @return 1 or 0; 0 for NULL.
 * Threads: any.
 */
uint8_t bulla_message_is_fresh(const struct bulla_message *message);

/**
 * What the sender signed: who, when, what for.
 *
 * @param message The message.
 * @return The stamp, which lives as long as the message and is not freed; NULL for NULL.
 * Threads: any.
 */
const bulla_stamp *bulla_message_stamp(const struct bulla_message *message);

/**
 * Length of the content, verified.
 *
 * @param message The message.
 * @return The length in bytes; 0 for NULL.
 * Threads: any.
 */
uint64_t bulla_message_content_length(const struct bulla_message *message);

/**
 * Digest of the content, verified.
 *
 * @param message The message.
 * @param content_digest Receives the digest (BLAKE3).
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_message_content_digest(const struct bulla_message *message,
                                          bulla_digest *content_digest,
                                          bulla_error *error);

/**
 * Digest of the header: names this very envelope.
 *
 * @param message The message.
 * @param header_digest Receives the digest (BLAKE3).
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_message_header_digest(const struct bulla_message *message, bulla_digest *header_digest, bulla_error *error);

/**
 * Proof of author, claimed time, context and content, that a third party can check without the reader's keys. It does not
 * prove who the recipients were.
 *
 * @param message The message.
 * @param evidence The evidence is appended to this buffer; at most 20 480 bytes.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, BULLA_BUFFER_TOO_SMALL, BULLA_INVALID_INPUT for NULL.
 * Threads: any for the message, one at a time for the buffer.
 */
BULLA_MUST_CHECK bulla_status bulla_message_evidence(const struct bulla_message *message, bulla_buffer *evidence, bulla_error *error);

/**
 * Frees a message, and the stamp with it.
 *
 * @param message The message; NULL is nothing.
 * Threads: when no other call uses it.
 */
void bulla_message_free(struct bulla_message *message);

/* ==== Opening and verifying ======================================================================================= */

/**
 * The one gate: opens sealed envelopes, or verifies signed ones, by a policy and a replay guard.
 */
typedef struct bulla_opener bulla_opener;

/**
 * Makes an opener of sealed envelopes.
 *
 * @param identity The reader.
 * @param policy What is accepted; it must name senders. Later changes of it have no effect on the opener.
 * @param guard The replay guard.
 * @param opener Receives the opener; free it with bulla_opener_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_opener_new(const bulla_identity *identity,
                              const bulla_policy *policy,
                              const bulla_guard *guard,
                              struct bulla_opener **opener,
                              bulla_error *error);

/**
 * Makes an opener of sealed envelopes without a replay guard: the same message is accepted as often as it comes.
 *
 * @param identity The reader.
 * @param policy What is accepted; it must name senders. Later changes of it have no effect on the opener.
 * @param opener Receives the opener; free it with bulla_opener_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_opener_new_unguarded(const bulla_identity *identity,
                                        const bulla_policy *policy,
                                        struct bulla_opener **opener,
                                        bulla_error *error);

/**
 * Makes an opener of archived envelopes: everything is checked but freshness, and bulla_message_is_fresh() says so.
 *
 * @param identity The reader.
 * @param policy What is accepted; it must name senders.
 * @param opener Receives the opener; free it with bulla_opener_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_opener_new_archive(const bulla_identity *identity,
                                      const bulla_policy *policy,
                                      struct bulla_opener **opener,
                                      bulla_error *error);

/**
 * Makes an opener of signed envelopes, which verifies them. It has no key, so the guard knows it by a name.
 *
 * @param reader The name of the reader, closed with NUL: each reader that is to accept a message once for itself has its own.
 * @param policy What is accepted; it must name senders.
 * @param guard The replay guard.
 * @param opener Receives the opener; free it with bulla_opener_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_verifier_new(const char *reader,
                                const bulla_policy *policy,
                                const bulla_guard *guard,
                                struct bulla_opener **opener,
                                bulla_error *error);

/**
 * Makes an opener of signed envelopes without a replay guard: the same message is accepted as often as it comes.
 *
 * @param policy What is accepted; it must name senders.
 * @param opener Receives the opener; free it with bulla_opener_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_verifier_new_unguarded(const bulla_policy *policy, struct bulla_opener **opener, bulla_error *error);

/**
 * Makes an opener of archived signed envelopes: everything is checked but freshness, and bulla_message_is_fresh() says so.
 *
 * @param policy What is accepted; it must name senders.
 * @param opener Receives the opener; free it with bulla_opener_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_verifier_new_archive(const bulla_policy *policy, struct bulla_opener **opener, bulla_error *error);

/**
 * Goes by a clock of the host's from now on.
 *
 * @param opener The opener.
 * @param host_clock The clock.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_opener_clock(struct bulla_opener *opener, const bulla_clock *host_clock, bulla_error *error);

/**
 * By which name the guard knows the reader, instead of by its signing key: for readers that share a key and are each to
 * accept a message once.
 *
 * @param opener An opener of sealed envelopes; those of signed ones have their name from the beginning.
 * @param reader The name, closed with NUL.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_opener_reader_name(struct bulla_opener *opener, const char *reader, bulla_error *error);

/**
 * Remembers the keys of senders' sessions, which saves most of the work for each further envelope of one.
 *
 * @param opener An opener of sealed envelopes.
 * @param sessions How many sessions at most.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_opener_cache(struct bulla_opener *opener, size_t sessions, bulla_error *error);

/**
 * Frees an opener; streams made with it go on.
 *
 * @param opener The opener; NULL is nothing.
 * Threads: when no other call uses it.
 */
void bulla_opener_free(struct bulla_opener *opener);

/**
 * Opens a sealed envelope, or verifies a signed one with its content inside, once. Nothing is given out before everything
 * is checked, and what is accepted counts as accepted from then on.
 *
 * @param opener The opener.
 * @param envelope The envelope, without armor.
 * @param length Its length in bytes.
 * @param content The content is appended to this buffer. Memory of the caller's must have room for `length` bytes.
 * @param message Receives what is known of the message; free it with bulla_message_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or a failure; then nothing was accepted, but for BULLA_GUARD_UNAVAILABLE of a guard on a server, or of the
 *         host's own: its answer may have been lost after it had claimed the message, which then is BULLA_REPLAYED when it comes
 *         again (with bulla_open_leased() it comes again, when the lease has run out). BULLA_MALFORMED, BULLA_UNSUPPORTED_VERSION, BULLA_WRONG_KIND,
 *         BULLA_NOT_FOR_ME and BULLA_NOT_AUTHENTIC say that nobody is known to have said anything. Authentic but refused are
 *         codes 40 to 69. Codes 70 to 79 decide nothing: try again later, and never bounce. BULLA_BUFFER_TOO_SMALL and
 *         BULLA_INVALID_INPUT come before anything is looked at.
 * Threads: any for the opener, one at a time for the buffer.
 */
BULLA_MUST_CHECK bulla_status bulla_open(const bulla_opener *opener,
                        const uint8_t *envelope,
                        size_t length,
                        bulla_buffer *content,
                        bulla_message **message,
                        bulla_error *error);

/**
 * Verifies a detached envelope against the content beside it, once.
 *
 * @param opener An opener of signed envelopes.
 * @param envelope The envelope, without armor.
 * @param envelope_length Its length in bytes.
 * @param content The content.
 * @param content_length Its length in bytes.
 * @param message Receives what is known of the message; free it with bulla_message_free().
 * @param error May be NULL; see bulla_error.
 * @return As bulla_open(); BULLA_NOT_AUTHENTIC also if the content is not the signed one; BULLA_WRONG_ORDER for an opener of
 *         sealed envelopes.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_verify_detached(const bulla_opener *opener,
                                   const uint8_t *envelope,
                                   size_t envelope_length,
                                   const uint8_t *content,
                                   size_t content_length,
                                   bulla_message **message,
                                   bulla_error *error);

/**
 * A detached envelope, judged, whose content comes in pieces.
 */
typedef struct bulla_detached_stream bulla_detached_stream;

/**
 * An envelope that comes in pieces. What it gives before its end is provisional: do not act on it.
 */
typedef struct bulla_open_stream bulla_open_stream;

/**
 * Begins an envelope that comes in pieces, with its content inside.
 *
 * @param opener The opener. It may be changed or freed while the stream goes on.
 * @param stream Receives the stream; free it with bulla_open_stream_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_open_stream_new(const bulla_opener *opener, struct bulla_open_stream **stream, bulla_error *error);

/**
 * Takes the next piece of the envelope. What it gives is provisional: the stamp was judged before the first byte of it, but a
 * co-recipient could have changed the content, and the message may have come before. Keep it out of use until
 * bulla_open_stream_finish() has succeeded.
 *
 * @param stream The stream.
 * @param envelope The piece, without armor.
 * @param length Its length in bytes.
 * @param content Provisional content is appended to this buffer: put it aside, clear it, use it again.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or as bulla_open(). After a failure, BULLA_BUFFER_TOO_SMALL too, the stream can only be freed, and noted as
 *         damaged (bulla_receipter_damaged()); all else is BULLA_WRONG_ORDER.
 * Threads: one at a time for each stream.
 */
BULLA_MUST_CHECK bulla_status bulla_open_stream_update_provisional(struct bulla_open_stream *stream,
                                                  const uint8_t *envelope,
                                                  size_t length,
                                                  bulla_buffer *content,
                                                  bulla_error *error);

/**
 * The end of the envelope has come: checks all but the replay guard. For hosts that make the content durable before the message
 * counts as accepted.
 *
 * @param stream The stream.
 * @param content The rest of the content, still provisional, is appended to this buffer.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or as bulla_open(). After BULLA_BUFFER_TOO_SMALL it may be called again with a larger buffer.
 * Threads: one at a time for each stream.
 */
BULLA_MUST_CHECK bulla_status bulla_open_stream_settle_provisional(struct bulla_open_stream *stream, bulla_buffer *content, bulla_error *error);

/**
 * What the sender signed, as soon as it is verified and judged.
 *
 * @param stream The stream.
 * @return The stamp, which lives until the next call on the stream and is not freed; NULL if nothing is known yet.
 * Threads: one at a time for each stream.
 */
const bulla_stamp *bulla_open_stream_stamp(const struct bulla_open_stream *stream);

/**
 * Ends the envelope, and claims the message from the replay guard: from now on all of the content counts. The stream can then
 * only be freed.
 *
 * @param stream The stream.
 * @param content The rest of the content is appended to this buffer.
 * @param message Receives what is known of the message; free it with bulla_message_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or as bulla_open(): then throw away all of the content. After BULLA_BUFFER_TOO_SMALL nothing is claimed yet,
 *         and it may be called again with a larger buffer.
 * Threads: one at a time for each stream.
 */
BULLA_MUST_CHECK bulla_status bulla_open_stream_finish(struct bulla_open_stream *stream,
                                      bulla_buffer *content,
                                      bulla_message **message,
                                      bulla_error *error);

/**
 * Frees a stream; one that is not finished claims nothing.
 *
 * @param stream The stream; NULL is nothing.
 * Threads: when no other call uses it.
 */
void bulla_open_stream_free(struct bulla_open_stream *stream);

/**
 * Judges a detached envelope, whose content then comes in pieces.
 *
 * @param opener An opener of signed envelopes. It may be changed or freed while the stream goes on.
 * @param envelope The envelope, without armor.
 * @param length Its length in bytes.
 * @param stream Receives the stream; free it with bulla_detached_stream_free().
 * @param error May be NULL; see bulla_error.
 * @return As bulla_verify_detached(), for all that can be told before the content is there.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_detached_stream_new(const bulla_opener *opener,
                                       const uint8_t *envelope,
                                       size_t length,
                                       struct bulla_detached_stream **stream,
                                       bulla_error *error);

/**
 * Takes the next piece of the content.
 *
 * @param stream The stream.
 * @param content The piece.
 * @param length Its length in bytes.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, BULLA_NOT_AUTHENTIC if there is more than was signed, BULLA_INVALID_INPUT for NULL, BULLA_WRONG_ORDER
 *         after bulla_detached_stream_finish().
 * Threads: one at a time for each stream.
 */
BULLA_MUST_CHECK bulla_status bulla_detached_stream_update(struct bulla_detached_stream *stream,
                                          const uint8_t *content,
                                          size_t length,
                                          bulla_error *error);

/**
 * The content has ended: judges the whole. The stream can then only be freed.
 *
 * @param stream The stream.
 * @param message Receives what is known of the message; free it with bulla_message_free().
 * @param error May be NULL; see bulla_error.
 * @return As bulla_verify_detached().
 * Threads: one at a time for each stream.
 */
BULLA_MUST_CHECK bulla_status bulla_detached_stream_finish(struct bulla_detached_stream *stream, bulla_message **message, bulla_error *error);

/**
 * Frees a stream; one that is not finished claims nothing.
 *
 * @param stream The stream; NULL is nothing.
 * Threads: when no other call uses it.
 */
void bulla_detached_stream_free(struct bulla_detached_stream *stream);

/* ==== Storing, and answering: receipts ============================================================================ */

/**
 * The message was verified, and handed to the application.
 */
#define BULLA_OUTCOME_DELIVERED 1

/**
 * The content is on the disk, and was read again from there and compared.
 */
#define BULLA_OUTCOME_STORED 2

/**
 * The message was rejected for good: a copy of it is rejected too.
 */
#define BULLA_OUTCOME_REJECTED 3

/**
 * The first of the outcomes that a host numbers itself, up to 255.
 */
#define BULLA_OUTCOME_OWN 128

/**
 * What became of a message that is dealt with, and the receipt that may be sent now: committed just now, or before its copy
 * came.
 */
typedef struct bulla_answer bulla_answer;

/**
 * What became of the message. One that was BULLA_OUTCOME_REJECTED is to be rejected again, whatever else is done with it.
 *
 * @param answer The answer.
 * @return One of BULLA_OUTCOME_..., or a number of the host's own; 0 for NULL.
 * Threads: any.
 */
uint32_t bulla_answer_outcome(const struct bulla_answer *answer);

/**
 * The receipt, or the answer of the host's own, that was committed with the message: send it (again), byte for byte.
 *
 * @param answer The answer.
 * @return The bytes, which live as long as the answer; nothing if the sender asked for no receipt of this kind, and for NULL.
 * Threads: any.
 */
bulla_view bulla_answer_receipt(const struct bulla_answer *answer);

/**
 * What is known of the message that was committed.
 *
 * @param answer The answer.
 * @return The message, which lives as long as the answer and is not freed. NULL if the message came before, if it was refused by
 *         its stamp alone, and for NULL.
 * Threads: any.
 */
const bulla_message *bulla_answer_message(const struct bulla_answer *answer);

/**
 * What the sender signed of the message, also of one that came before: so that a host knows whom it answers.
 *
 * @param answer The answer.
 * @return The stamp, which lives as long as the answer and is not freed. NULL if the message was refused by its stamp alone just
 *         now (bulla_lease_stamp() told it), and for NULL.
 * Threads: any.
 */
const bulla_stamp *bulla_answer_stamp(const struct bulla_answer *answer);

/**
 * Frees an answer.
 *
 * @param answer The answer; NULL is nothing.
 * Threads: when no other call uses it.
 */
void bulla_answer_free(struct bulla_answer *answer);

/**
 * A message that was opened, and waits for its effect.
 */
#define BULLA_LEASE_MESSAGE 1

/**
 * A message whose content is on the disk.
 */
#define BULLA_LEASE_STORED 2

/**
 * A message that can only be refused.
 */
#define BULLA_LEASE_REFUSED 3

/**
 * A message that is reserved in the replay guard, for so many seconds.
 *
 * Make its effect durable, then commit it: with a receipt (bulla_receipter_accept()) or without
 * (bulla_lease_commit()). Or release it, and it may come again. Freed before that, it is released; if the process dies it falls
 * free when its time is over. A receipt leaves only after a commit: there is no other way to get one.
 */
typedef struct bulla_lease bulla_lease;

/**
 * What a lease is of: BULLA_LEASE_MESSAGE, BULLA_LEASE_STORED or BULLA_LEASE_REFUSED.
 *
 * @param lease The lease.
 * @return The number; 0 for NULL, and for a lease that has ended.
 * Threads: one at a time for each lease.
 */
uint32_t bulla_lease_kind(const struct bulla_lease *lease);

/**
 * What the sender signed.
 *
 * @param lease The lease.
 * @return The stamp, which lives until the lease ends or is freed, and is not freed; NULL for NULL, and for a lease that has
 *         ended.
 * Threads: one at a time for each lease.
 */
const bulla_stamp *bulla_lease_stamp(const struct bulla_lease *lease);

/**
 * The final name of the file in which the content is stored.
 *
 * @param lease A lease of what is stored.
 * @return The path, not closed with NUL, which lives until the lease ends or is freed; nothing for other leases.
 * Threads: one at a time for each lease.
 */
bulla_view bulla_lease_path(const struct bulla_lease *lease);

/**
 * Whether the file in which the content is stored was there before this message came, whole: from an attempt of its own that was
 * cut off or, unless it is stored by its id, perhaps another message's with the same content. It stays if the message is rejected.
 *
 * @param lease A lease of what is stored.
 * @return 1 or 0; 0 for other leases.
 * Threads: one at a time for each lease.
 */
uint8_t bulla_lease_was_there(const struct bulla_lease *lease);

/**
 * Holds a lease for longer.
 *
 * @param lease The lease.
 * @param seconds For how long, from now on.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_LEASE_LOST: stop, somebody else has it now; BULLA_GUARD_UNAVAILABLE; BULLA_CLOCK_FAILED;
 *         BULLA_INVALID_INPUT for NULL; BULLA_WRONG_ORDER if it has ended.
 * Threads: one at a time for each lease.
 */
BULLA_MUST_CHECK bulla_status bulla_lease_renew(struct bulla_lease *lease, uint64_t seconds, bulla_error *error);

/**
 * Ends a lease for good, with an answer of the host's own: copies will get this outcome and this answer. Answer only after this
 * has succeeded. Receipts are made and committed in one step by bulla_receipter_accept().
 *
 * @param lease The lease; it can then only be freed, whatever comes of this.
 * @param number What became of the message: one of BULLA_OUTCOME_..., or a number of the host's own from 128 to 255. What is stored
 *        can only be BULLA_OUTCOME_STORED, and nothing else can; what is to be refused only BULLA_OUTCOME_REJECTED.
 * @param answer The answer; may be NULL if `length` is 0, which is BULLA_INVALID_INPUT where the sender asked for a receipt of
 *        this (for hosts that give none there is bulla_lease_accept_unanswered()).
 * @param length Its length in bytes, at most 4095.
 * @param answered Receives the same, with what is known of the message; free it with bulla_answer_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK. BULLA_LEASE_LOST, BULLA_SUPERSEDED, BULLA_GAP, BULLA_GUARD_FULL, BULLA_INVALID_INPUT: it does not count; undo
 *         the effect (a stored file is removed, unless it was there before). BULLA_GUARD_UNAVAILABLE: it is not known whether it counts; when the message comes again,
 *         that will show. BULLA_WRONG_ORDER if it has ended before.
 * Threads: one at a time for each lease.
 */
BULLA_MUST_CHECK bulla_status bulla_lease_commit(struct bulla_lease *lease,
                                uint32_t number,
                                const uint8_t *answer,
                                size_t length,
                                bulla_answer **answered,
                                bulla_error *error);

/**
 * Ends a lease for good, as delivered or stored, for a host that gives no receipts: neither the sender nor who sends a copy will
 * get one, also where the sender asked for it. There is no such call for rejections: release the message instead.
 *
 * @param lease The lease; it can then only be freed, whatever comes of this.
 * @param answered Receives what is known of the message; free it with bulla_answer_free().
 * @param error May be NULL; see bulla_error.
 * @return As bulla_lease_commit(); BULLA_WRONG_ORDER also for a lease that is only to be refused.
 * Threads: one at a time for each lease.
 */
BULLA_MUST_CHECK bulla_status bulla_lease_accept_unanswered(struct bulla_lease *lease,
                                           bulla_answer **answered,
                                           bulla_error *error);

/**
 * Gives a lease up: the message may come again, and a stored file is removed, unless it was there before.
 *
 * @param lease The lease; it can then only be freed.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_LEASE_LOST and BULLA_GUARD_UNAVAILABLE: nothing to be done, it falls free by itself;
 *         BULLA_INVALID_INPUT for NULL; BULLA_WRONG_ORDER if it has ended.
 * Threads: one at a time for each lease.
 */
BULLA_MUST_CHECK bulla_status bulla_lease_release(struct bulla_lease *lease, bulla_error *error);

/**
 * Frees a lease; one that has not ended is released.
 *
 * @param lease The lease; NULL is nothing.
 * Threads: when no other call uses it.
 */
void bulla_lease_free(struct bulla_lease *lease);

/**
 * As bulla_open(), but the message is only reserved.
 *
 * @param opener An opener with a replay guard.
 * @param envelope The envelope, without armor.
 * @param length Its length in bytes.
 * @param seconds For how long it is reserved: long enough to make its effect durable.
 * @param content The content is appended to this buffer if the message is new. Memory of the caller's must have room for
 *        `length` bytes.
 * @param lease With BULLA_OK, receives the reservation; free it with bulla_lease_free().
 * @param again With BULLA_AGAIN, receives what became of it when it came before; free it with bulla_answer_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_AGAIN if it was dealt with before: do nothing but give the same answer again. Else as bulla_open(),
 *         and BULLA_PENDING if somebody else works on it.
 * Threads: any for the opener, one at a time for the buffer.
 */
BULLA_MUST_CHECK bulla_status bulla_open_leased(const bulla_opener *opener,
                               const uint8_t *envelope,
                               size_t length,
                               uint64_t seconds,
                               bulla_buffer *content,
                               bulla_lease **lease,
                               bulla_answer **again,
                               bulla_error *error);

/**
 * As bulla_open_stream_finish(), but the message is only reserved.
 *
 * @param stream A stream of an opener with a replay guard.
 * @param seconds For how long it is reserved: long enough to make its effect durable.
 * @param content The rest of the content is appended to this buffer.
 * @param lease With BULLA_OK, receives the reservation; free it with bulla_lease_free().
 * @param again With BULLA_AGAIN, receives what became of it when it came before; free it with bulla_answer_free(). Throw the
 *        content away then.
 * @param error May be NULL; see bulla_error.
 * @return As bulla_open_leased().
 * Threads: one at a time for each stream.
 */
BULLA_MUST_CHECK bulla_status bulla_open_stream_finish_leased(bulla_open_stream *stream,
                                             uint64_t seconds,
                                             bulla_buffer *content,
                                             bulla_lease **lease,
                                             bulla_answer **again,
                                             bulla_error *error);

/**
 * Reserves a message of which only the stamp is verified and judged, in order to refuse it: it is too long, or against the
 * host's policy. The stream can then only be freed.
 *
 * @param stream A stream of an opener with a replay guard, whose stamp is there (bulla_open_stream_stamp()).
 * @param seconds For how long it is reserved.
 * @param lease With BULLA_OK, receives the reservation, which can only be rejected or released; free it with bulla_lease_free().
 * @param again With BULLA_AGAIN, receives what became of it when it came before; free it with bulla_answer_free().
 * @param error May be NULL; see bulla_error.
 * @return As bulla_open_leased(); BULLA_WRONG_ORDER without a stamp.
 * Threads: one at a time for each stream.
 */
BULLA_MUST_CHECK bulla_status bulla_open_stream_refuse_leased(bulla_open_stream *stream,
                                             uint64_t seconds,
                                             bulla_lease **lease,
                                             bulla_answer **again,
                                             bulla_error *error);

/**
 * For the length of content that is not known yet.
 */
#define BULLA_CONTENT_UNKNOWN UINT64_MAX

/**
 * Length of the room for the text of a reason, its closing NUL included, in bytes.
 */
#define BULLA_REASON_TEXT 256

/**
 * The answer of a bulla_judge that cannot tell now: nothing is reserved and nothing written, BULLA_UNDECIDED comes of it, and the
 * message may come again. It is no code of a reason.
 */
#define BULLA_JUDGE_LATER 1023

/**
 * Opens envelopes to files, and says `stored` only of what it has read again from the disk: written, synced, named without
 * writing over anything, synced with its folder, read again and compared. At no instant is there half a file under a final
 * name.
 */
typedef struct bulla_store bulla_store;

/**
 * Whether there is room for so many bytes of content (or BULLA_CONTENT_UNKNOWN) in this folder: 1 or 0. Asked before anything is
 * written. The folder is not closed with NUL.
 */
typedef uint8_t (*bulla_has_room)(void *context, const uint8_t *folder, size_t folder_length, uint64_t content);

/**
 * Whether a message with this stamp, which is verified and judged, is accepted: 0, or else the code of the reason why it is not
 * (BULLA_REASON_FULL to BULLA_REASON_FAILED, or a number of the host's own from 1024). Then words for the sender may be written
 * to `words`, which has room for BULLA_REASON_TEXT bytes of UTF-8 and holds nothing yet, closed with NUL. A code or words that
 * cannot be sent become BULLA_REASON_POLICY without words. A refusal is final: where it cannot be told now (a database does not
 * answer, there is no memory) BULLA_JUDGE_LATER is given, and no words. The stamp is good until the function returns, and is not
 * freed.
 */
typedef uint16_t (*bulla_judge)(void *context, const bulla_stamp *stamp, char *words);

/**
 * Makes a store.
 *
 * @param opener An opener of sealed envelopes with a replay guard. Later changes of it have no effect on the store.
 * @param seconds For how long a message is reserved at a time: enough for a sync of the disk, 60 for example.
 * @param store Receives the store; free it with bulla_store_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_store_new(const bulla_opener *opener, uint64_t seconds, struct bulla_store **store, bulla_error *error);

/**
 * Accepts content of at most so many bytes. What is longer is BULLA_TOO_LARGE.
 *
 * @param store The store.
 * @param length The greatest length in bytes.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_store_max_content(struct bulla_store *store, uint64_t length, bulla_error *error);

/**
 * Asks the host whether there is room before anything is written. What has none is BULLA_NO_ROOM.
 *
 * @param store The store.
 * @param has_room The function.
 * @param context Given to it with each call; may be NULL.
 * @param drop Called with the context when the store and its streams are freed; may be NULL. If this call fails it is not
 *        called.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_store_ask_for_room(struct bulla_store *store,
                                      bulla_has_room has_room,
                                      void *context,
                                      bulla_drop drop,
                                      bulla_error *error);

/**
 * Asks the host's own rules about each message that is new, once its stamp is verified and judged and before anything of it is
 * written. What they do not accept is BULLA_REFUSED, and what they cannot decide now BULLA_UNDECIDED. What is to be decided on the
 * content is decided after it is stored and before it is committed: bulla_receipter_reject() takes such a lease too, and removes the
 * file.
 *
 * @param store The store.
 * @param judge The function.
 * @param context Given to it with each call; may be NULL.
 * @param drop Called with the context when the store and its streams are freed; may be NULL. If this call fails it is not
 *        called.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_store_judge(struct bulla_store *store,
                               bulla_judge judge,
                               void *context,
                               bulla_drop drop,
                               bulla_error *error);

/**
 * Keeps what has come of envelopes that do not come whole, so that they can be completed. It costs writing every byte twice.
 *
 * @param store The store.
 * @param folder Where it is kept, closed with NUL.
 * @param envelopes How many at most.
 * @param length Of each at most so many bytes from its beginning.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_store_resumable(struct bulla_store *store,
                                   const char *folder,
                                   size_t envelopes,
                                   uint64_t length,
                                   bulla_error *error);

/**
 * From which byte of an envelope on it is to be sent, to be completed.
 *
 * @param store A store that keeps what has come (bulla_store_resumable()).
 * @param header_digest Names the envelope, as in bulla_sent.
 * @param held Receives how many bytes are kept of it; 0 if none are.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, BULLA_IO, BULLA_INVALID_INPUT.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_store_held(const struct bulla_store *store,
                              const bulla_digest *header_digest,
                              uint64_t *held,
                              bulla_error *error);

/**
 * Removes what processes that were killed more than a day ago left behind in a folder: files that are not whole.
 *
 * @param store The store.
 * @param folder The folder, closed with NUL.
 * @param removed Receives how many files; may be NULL.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, BULLA_IO, BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_store_clean(const struct bulla_store *store, const char *folder, size_t *removed, bulla_error *error);

/**
 * Frees a store; its streams go on.
 *
 * @param store The store; NULL is nothing.
 * Threads: when no other call uses it.
 */
void bulla_store_free(struct bulla_store *store);

/**
 * Under the path that is given; its folder must be there.
 */
#define BULLA_TARGET_PATH 1

/**
 * In the folder that is given, under a name made of message id, reader, sender and context.
 */
#define BULLA_TARGET_BY_ID 2

/**
 * In the folder that is given, under the name that the sender suggests, made harmless; without one, as BULLA_TARGET_BY_ID.
 */
#define BULLA_TARGET_SUGGESTED 3

/**
 * An envelope on its way to a file.
 */
typedef struct bulla_store_stream bulla_store_stream;

/**
 * Begins to store an envelope that is pushed in pieces.
 *
 * @param store The store. It may be changed or freed while the stream goes on.
 * @param kind BULLA_TARGET_PATH, BULLA_TARGET_BY_ID or BULLA_TARGET_SUGGESTED.
 * @param target The path, or the folder, closed with NUL.
 * @param stream Receives the stream; free it with bulla_store_stream_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_store_stream_new(const bulla_store *store,
                                    uint32_t kind,
                                    const char *target,
                                    struct bulla_store_stream **stream,
                                    bulla_error *error);

/**
 * Begins to complete an envelope: what follows the bytes that bulla_store_held() tells is pushed in pieces.
 *
 * @param store A store that keeps what has come (bulla_store_resumable()).
 * @param header_digest Names the envelope, as in bulla_sent.
 * @param kind BULLA_TARGET_PATH, BULLA_TARGET_BY_ID or BULLA_TARGET_SUGGESTED.
 * @param target The path, or the folder, closed with NUL.
 * @param stream Receives the stream; free it with bulla_store_stream_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_INVALID_INPUT also if nothing is held; BULLA_PENDING if another process works on it; BULLA_IO.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_store_stream_resume(const bulla_store *store,
                                       const bulla_digest *header_digest,
                                       uint32_t kind,
                                       const char *target,
                                       struct bulla_store_stream **stream,
                                       bulla_error *error);

/**
 * Takes the next piece of the envelope.
 *
 * @param stream The stream.
 * @param envelope The piece, without armor.
 * @param length Its length in bytes.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_MORE if more of it is wanted; BULLA_OK if it is decided what comes of it: call bulla_store_stream_finish().
 *         BULLA_INVALID_INPUT for NULL; BULLA_WRONG_ORDER after bulla_store_stream_finish(): nothing is taken, and the stream is as
 *         it was.
 * Threads: one at a time for each stream.
 */
BULLA_MUST_CHECK bulla_status bulla_store_stream_update(struct bulla_store_stream *stream,
                                       const uint8_t *envelope,
                                       size_t length,
                                       bulla_error *error);

/**
 * What the sender signed, as soon as it is verified and judged.
 *
 * @param stream The stream.
 * @return The stamp, which lives until the next call on the stream and is not freed; NULL if nothing is known yet.
 * Threads: one at a time for each stream.
 */
const bulla_stamp *bulla_store_stream_stamp(const struct bulla_store_stream *stream);

/**
 * The end of the envelope has come. The stream can then only be freed, and a note of damage made of it; but after BULLA_NAME_TAKEN
 * it goes on: give it another target (bulla_store_stream_retarget()), and call this again.
 *
 * @param stream The stream.
 * @param lease With BULLA_OK, receives the reservation of what is stored: commit it with bulla_receipter_accept() or
 *        bulla_lease_commit(). With BULLA_TOO_LARGE, BULLA_NO_ROOM and BULLA_REFUSED, one to reject or to release; nothing of this
 *        copy is left. With BULLA_TOO_LARGE and BULLA_REFUSED a file may have the final name all the same, from an attempt that
 *        ended between the name and the commit: under a name made of the message it is the message's own, and the host's to
 *        remove before it rejects the message, if the content is not to lie there. Free it with bulla_lease_free().
 * @param again With BULLA_AGAIN, receives what became of it when it came before; free it with bulla_answer_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, BULLA_TOO_LARGE, BULLA_NO_ROOM, BULLA_REFUSED or BULLA_AGAIN; else nothing is left but what is kept to be completed, and the
 *         message may come again: as bulla_open_leased(); BULLA_IO also if what was read again is not what was written;
 *         BULLA_PENDING also if another process works on a file of that name; BULLA_UNDECIDED if the host's rules
 *         (bulla_store_judge()) say so. BULLA_NAME_TAKEN if there is another file of that name: the content is kept, and the message
 *         reserved for the seconds of bulla_store_new(), until the stream is freed. Each call of this renews that, also one with the
 *         name that is taken; BULLA_LEASE_LOST if the next one came later.
 * Threads: one at a time for each stream.
 */
BULLA_MUST_CHECK bulla_status bulla_store_stream_finish(struct bulla_store_stream *stream,
                                       bulla_lease **lease,
                                       bulla_answer **again,
                                       bulla_error *error);

/**
 * Another target, after bulla_store_stream_finish() has said BULLA_NAME_TAKEN. Nothing of the envelope is to come again.
 *
 * @param stream The stream.
 * @param kind BULLA_TARGET_PATH, BULLA_TARGET_BY_ID or BULLA_TARGET_SUGGESTED.
 * @param target The path, or the folder, closed with NUL. The folder must be there, and on the same file system.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK: call bulla_store_stream_finish() again. BULLA_INVALID_INPUT; BULLA_WRONG_ORDER at any other time. After a failure
 *         the stream is as it was.
 * Threads: one at a time for each stream.
 */
BULLA_MUST_CHECK bulla_status bulla_store_stream_retarget(struct bulla_store_stream *stream,
                                         uint32_t kind,
                                         const char *target,
                                         bulla_error *error);

/**
 * Frees a stream. One that is not finished leaves nothing but what is kept to be completed.
 *
 * @param stream The stream; NULL is nothing.
 * Threads: when no other call uses it.
 */
void bulla_store_stream_free(struct bulla_store_stream *stream);

/**
 * Makes receipts, each sealed to the key that the sender of the message asked it to be sent to. A receipt comes only out of a
 * commit, and only where the sender asked for it: so nobody can make this recipient write to somebody else.
 */
typedef struct bulla_receipter bulla_receipter;

/**
 * Makes a maker of receipts that signs with this identity, by the clock of the system.
 *
 * @param identity The recipient.
 * @param receipter Receives the receipter; free it with bulla_receipter_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_receipter_new(const bulla_identity *identity, struct bulla_receipter **receipter, bulla_error *error);

/**
 * Goes by a clock of the host's from now on.
 *
 * @param receipter The receipter.
 * @param host_clock The clock.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_receipter_clock(struct bulla_receipter *receipter, const bulla_clock *host_clock, bulla_error *error);

/**
 * Limits how often one sender is told of rejections and of damage. Without this, rejections are limited by the guard of the
 * message, to 20 at once and then one a minute; and no notes of damage are made.
 *
 * @param receipter The receipter.
 * @param guard Keeps count.
 * @param every Seconds for each.
 * @param burst How many at once.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_receipter_limit(struct bulla_receipter *receipter,
                                   const bulla_guard *guard,
                                   uint64_t every,
                                   uint32_t burst,
                                   bulla_error *error);

/**
 * The message was handed to the application, or its content is on the disk: makes the receipt (`delivered`, or `stored` for a
 * lease of a store), commits the message with it, and only then gives it.
 *
 * @param receipter The receipter.
 * @param lease The lease; it can then only be freed, whatever comes of this.
 * @param answered Receives outcome and receipt; free it with bulla_answer_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or as bulla_lease_commit(); then there is no receipt. If the receipt itself cannot be made
 *         (BULLA_RANDOM_FAILED, BULLA_CLOCK_FAILED, BULLA_KEY_UNAVAILABLE) the message is released. BULLA_WRONG_ORDER for a lease
 *         that is only to be refused.
 * Threads: any for the receipter, one at a time for each lease.
 */
BULLA_MUST_CHECK bulla_status bulla_receipter_accept(const struct bulla_receipter *receipter,
                                    bulla_lease *lease,
                                    bulla_answer **answered,
                                    bulla_error *error);

/**
 * The message is rejected for good: makes the receipt, commits the message with it, so that a copy gets the same, and only then
 * gives it.
 *
 * @param receipter The receipter.
 * @param lease The lease; it can then only be freed, whatever comes of this. A stored file is removed, unless it
 *        was there before (bulla_lease_was_there()).
 * @param code Why: BULLA_REASON_FULL to BULLA_REASON_FAILED, or a number of the host's own from 1024. 0 for the reason of a lease
 *        that came with BULLA_REFUSED.
 * @param reason Why, in words, for the sender: at most 255 bytes without control characters, closed with NUL. May be NULL if
 *        `code` is 0.
 * @param answered With BULLA_OK, receives outcome and receipt; free it with bulla_answer_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK. BULLA_UNTOLD: the sender asked to be told of rejections and may not be told now (too often, or a stranger by
 *         the stamp alone), so the message was not rejected but released, and may come again. Else as
 *         bulla_receipter_accept().
 * Threads: any for the receipter, one at a time for each lease.
 */
BULLA_MUST_CHECK bulla_status bulla_receipter_reject(const struct bulla_receipter *receipter,
                                    bulla_lease *lease,
                                    uint16_t code,
                                    const char *reason,
                                    bulla_answer **answered,
                                    bulla_error *error);

/**
 * A copy came damaged: makes a note for its sender. It says nothing about the message, which may still come: nothing is
 * claimed for it, and the sender sends it again.
 *
 * @param receipter The receipter, with a limit (bulla_receipter_limit()).
 * @param stream A stream that failed with BULLA_NOT_AUTHENTIC.
 * @param words More about it for the sender: at most 255 bytes without control characters, closed with NUL.
 * @param receipt The note is appended to this buffer.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_NOTHING if none may be given: the stamp was not authentic either, or the sender did not ask for it, is
 *         not named in the policy, or was told too often. BULLA_INVALID_INPUT without a limit; BULLA_GUARD_UNAVAILABLE;
 *         BULLA_GUARD_FULL; BULLA_WRONG_ORDER if the stream has ended; BULLA_BUFFER_TOO_SMALL.
 * Threads: any for the receipter, one at a time for stream and buffer.
 */
BULLA_MUST_CHECK bulla_status bulla_receipter_damaged(const struct bulla_receipter *receipter,
                                     const bulla_open_stream *stream,
                                     const char *words,
                                     bulla_buffer *receipt,
                                     bulla_error *error);

/**
 * As bulla_receipter_damaged(), for a stream of a store that failed with BULLA_NOT_AUTHENTIC.
 *
 * @param receipter The receipter, with a limit (bulla_receipter_limit()).
 * @param stream The stream, after bulla_store_stream_finish().
 * @param words More about it for the sender: at most 255 bytes without control characters, closed with NUL.
 * @param receipt The note is appended to this buffer.
 * @param error May be NULL; see bulla_error.
 * @return As bulla_receipter_damaged().
 * Threads: any for the receipter, one at a time for stream and buffer.
 */
BULLA_MUST_CHECK bulla_status bulla_receipter_damaged_in_store(const struct bulla_receipter *receipter,
                                              const bulla_store_stream *stream,
                                              const char *words,
                                              bulla_buffer *receipt,
                                              bulla_error *error);

/**
 * Frees a receipter.
 *
 * @param receipter The receipter; NULL is nothing.
 * Threads: when no other call uses it.
 */
void bulla_receipter_free(struct bulla_receipter *receipter);

/* ==== Challenges and streams ====================================================================================== */

/**
 * Makes a challenge, to be answered once by a message whose draft bulla_draft_answers() it. It needs no secrecy. See
 * bulla_policy_demand_challenge().
 *
 * @param opener An opener with a replay guard.
 * @param seconds How long it may be answered.
 * @param challenge Receives the challenge: 32 bytes.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_RANDOM_FAILED, BULLA_CLOCK_FAILED, BULLA_GUARD_FULL, BULLA_GUARD_UNAVAILABLE; BULLA_INVALID_INPUT for
 *         NULL and without a replay guard.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_opener_challenge(const bulla_opener *opener, uint64_t seconds, uint8_t *challenge, bulla_error *error);

/**
 * Which numbers are missing, so far, in the stream of a message. Only BULLA_ORDER_GAPLESS keeps count.
 *
 * @param opener An opener with a replay guard.
 * @param stamp What the sender signed of any message of the stream.
 * @param missing Receives the numbers; free them with bulla_ranges_free(). None for a message that is in no stream.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, BULLA_GUARD_UNAVAILABLE, BULLA_INVALID_INPUT for NULL and without a replay guard.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_opener_missing(const bulla_opener *opener,
                                  const bulla_stamp *stamp,
                                  bulla_ranges **missing,
                                  bulla_error *error);

/**
 * Waits no longer for the numbers before this one in the stream of a message: they are given up, and BULLA_SUPERSEDED if they
 * still come.
 *
 * @param opener An opener with a replay guard.
 * @param stamp What the sender signed of any message of the stream.
 * @param before The number.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, BULLA_GUARD_UNAVAILABLE, BULLA_INVALID_INPUT for NULL, without a replay guard, and for a message that is in
 *         no stream.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_opener_skip(const bulla_opener *opener, const bulla_stamp *stamp, uint64_t before, bulla_error *error);

/**
 * Forgets the stream of a message at once: its place in the guard is free, and its next message begins it anew. Copies of what
 * was accepted stay copies. But whoever held back a message of the stream that was never accepted can have it accepted now,
 * until it is too old or expired: do this only once the last message is older than the greatest age, or if its numbers no
 * longer matter.
 *
 * @param opener The opener, with a replay guard.
 * @param stamp The stamp of a message in the stream.
 * @param was_known Receives 1 if the guard knew the stream, else 0; may be NULL.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, BULLA_GUARD_UNAVAILABLE, BULLA_INVALID_INPUT for NULL, without a guard, and if the message is in no stream.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_opener_forget_stream(const bulla_opener *opener,
                                        const bulla_stamp *stamp,
                                        uint8_t *was_known,
                                        bulla_error *error);

/* ==== Reading at any place ======================================================================================== */

/**
 * Reads from `offset` on: puts at most `length` bytes into `memory` and writes to `read` how many, 0 only at the end. Returns
 * BULLA_OK, or another code, and the call in hand fails with BULLA_IO.
 */
typedef bulla_status (*bulla_source_read)(void *context, uint64_t offset, uint8_t *memory, size_t length, size_t *read);

/**
 * Writes the length of the whole, in bytes. Returns as bulla_source_read.
 */
typedef bulla_status (*bulla_source_length)(void *context, uint64_t *length);

/**
 * Where the library reads from, at any place: a store of the host's own. Set all of it to zero, then `size`, then the functions.
 */
typedef struct bulla_source {
  /**
   * sizeof(bulla_source).
   */
  size_t size;
  /**
   * Given to each function; may be NULL.
   */
  void *context;
  /**
   * Called with the context when it is read no more; may be NULL. If the call that it is given to fails it is not called.
   */
  bulla_drop drop;
  /**
   * Needed.
   */
  bulla_source_read read;
  /**
   * Needed.
   */
  bulla_source_length length;
} bulla_source;

/**
 * A sealed file whose stamp is verified and judged, for reading at any place. What it gives is provisional: it came from somebody
 * who held the content key, but a co-recipient holds that key too, and the message may have come before.
 */
typedef struct bulla_provisional_file bulla_provisional_file;

/**
 * A sealed file that was verified as a whole, for reading at any place. Keep the file where no co-recipient can write.
 */
typedef struct bulla_verified_file bulla_verified_file;

/**
 * Begins to read a sealed file at any place: finds the key, verifies and judges the stamp. Nothing is claimed from the guard.
 *
 * @param opener An opener of sealed envelopes. It may be changed or freed while the file is read.
 * @param file The path of the file, closed with NUL. It is kept open.
 * @param provisional_file Receives the file; free it with bulla_provisional_file_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, BULLA_IO, or as bulla_open(), but it is never BULLA_REPLAYED; BULLA_WRONG_ORDER for an opener of signed
 *         envelopes.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_provisional_file_open(const bulla_opener *opener,
                                         const char *file,
                                         struct bulla_provisional_file **provisional_file,
                                         bulla_error *error);

/**
 * As bulla_provisional_file_open(), from a store of the host's own.
 *
 * @param opener An opener of sealed envelopes. It may be changed or freed while the file is read.
 * @param source Where to read from; copied.
 * @param provisional_file Receives the file; free it with bulla_provisional_file_free().
 * @param error May be NULL; see bulla_error.
 * @return As bulla_provisional_file_open().
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_provisional_file_of_source(const bulla_opener *opener,
                                              const bulla_source *source,
                                              struct bulla_provisional_file **provisional_file,
                                              bulla_error *error);

/**
 * What the sender signed: verified and judged, but the message may have come before.
 *
 * @param file The file.
 * @return The stamp, which lives until bulla_provisional_file_verify() or until the file is freed, and is not freed itself; NULL
 *         for NULL, and after bulla_provisional_file_verify().
 * Threads: one at a time for each file.
 */
const bulla_stamp *bulla_provisional_file_stamp(const struct bulla_provisional_file *file);

/**
 * Length of the content, as the sender signed it.
 *
 * @param file The file.
 * @return The length in bytes; 0 for NULL, and after bulla_provisional_file_verify().
 * Threads: one at a time for each file.
 */
uint64_t bulla_provisional_file_content_length(const struct bulla_provisional_file *file);

/**
 * Reads provisional content: do not act on it.
 *
 * @param file The file.
 * @param offset Where in the content.
 * @param length How many bytes at most; fewer come only at the end.
 * @param content They are appended to this buffer.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_NOTHING at the end and past it; BULLA_NOT_AUTHENTIC, BULLA_IO, BULLA_BUFFER_TOO_SMALL;
 *         BULLA_WRONG_ORDER after bulla_provisional_file_verify(); BULLA_INVALID_INPUT for NULL.
 * Threads: one at a time for each file.
 */
BULLA_MUST_CHECK bulla_status bulla_provisional_file_read(struct bulla_provisional_file *file,
                                         uint64_t offset,
                                         size_t length,
                                         bulla_buffer *content,
                                         bulla_error *error);

/**
 * Reads the whole file once, and claims the message from the replay guard: its content is verified then, and what was read before
 * is too, if nobody changed the file meanwhile. The provisional file can then only be freed.
 *
 * @param file The file.
 * @param verified_file Receives the file, to be read further; free it with bulla_verified_file_free().
 * @param message Receives what is known of the message; free it with bulla_message_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, BULLA_IO, or as bulla_open(): then throw away all that was read. BULLA_WRONG_ORDER the second time.
 * Threads: one at a time for each file.
 */
BULLA_MUST_CHECK bulla_status bulla_provisional_file_verify(struct bulla_provisional_file *file,
                                           struct bulla_verified_file **verified_file,
                                           bulla_message **message,
                                           bulla_error *error);

/**
 * Frees a provisional file; nothing is claimed.
 *
 * @param file The file; NULL is nothing.
 * Threads: when no other call uses it.
 */
void bulla_provisional_file_free(struct bulla_provisional_file *file);

/**
 * Reads verified content.
 *
 * @param file The file.
 * @param offset Where in the content.
 * @param length How many bytes at most; fewer come only at the end.
 * @param content They are appended to this buffer.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_NOTHING at the end and past it; BULLA_NOT_AUTHENTIC if the file was changed since; BULLA_IO;
 *         BULLA_BUFFER_TOO_SMALL; BULLA_INVALID_INPUT for NULL.
 * Threads: one at a time for each file.
 */
BULLA_MUST_CHECK bulla_status bulla_verified_file_read(struct bulla_verified_file *file,
                                      uint64_t offset,
                                      size_t length,
                                      bulla_buffer *content,
                                      bulla_error *error);

/**
 * Frees a verified file.
 *
 * @param file The file; NULL is nothing.
 * Threads: when no other call uses it.
 */
void bulla_verified_file_free(struct bulla_verified_file *file);

/* ==== Proof for third parties ===================================================================================== */

/**
 * Evidence that was checked: its signatures are the author's.
 */
typedef struct bulla_evidence bulla_evidence;

/**
 * Checks evidence of a message, as bulla_message_evidence() gave it. No key is needed. Whether the author is who one thinks, and
 * the context the one that is meant, is for the caller to judge: bulla_stamp_signer(), bulla_stamp_context().
 *
 * It proves the author's key, the time that the author claims, context, and content. It does not prove who the recipients were,
 * nor when it was really made.
 *
 * @param proof The evidence, without armor.
 * @param length Its length in bytes.
 * @param evidence Receives what it says; free it with bulla_evidence_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, BULLA_MALFORMED, BULLA_UNSUPPORTED_VERSION, BULLA_NOT_AUTHENTIC, BULLA_WRONG_STATEMENT if it is about a
 *         receipt, BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_evidence_check(const uint8_t *proof,
                                  size_t length,
                                  struct bulla_evidence **evidence,
                                  bulla_error *error);

/**
 * What the author signed.
 *
 * @param evidence The evidence.
 * @return The stamp, which lives as long as the evidence and is not freed; NULL for NULL.
 * Threads: any.
 */
const bulla_stamp *bulla_evidence_stamp(const struct bulla_evidence *evidence);

/**
 * Length of the content that it is about.
 *
 * @param evidence The evidence.
 * @return The length in bytes; 0 for NULL.
 * Threads: any.
 */
uint64_t bulla_evidence_content_length(const struct bulla_evidence *evidence);

/**
 * Digest of the content that it is about: for content that comes in pieces, to be compared with bulla_hasher_digest().
 *
 * @param evidence The evidence.
 * @param content_digest Receives the digest (BLAKE3).
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_evidence_content_digest(const struct bulla_evidence *evidence,
                                           bulla_digest *content_digest,
                                           bulla_error *error);

/**
 * Whether it is about this content.
 *
 * @param evidence The evidence.
 * @param content The content.
 * @param length Its length in bytes.
 * @return 1 or 0; 0 for NULL, but content of length 0 may be NULL.
 * Threads: any.
 */
uint8_t bulla_evidence_is_about(const struct bulla_evidence *evidence, const uint8_t *content, size_t length);

/**
 * Frees evidence, and its stamp with it.
 *
 * @param evidence The evidence; NULL is nothing.
 * Threads: when no other call uses it.
 */
void bulla_evidence_free(struct bulla_evidence *evidence);

/**
 * A digest (BLAKE3) in the making, over content that comes in pieces.
 */
typedef struct bulla_hasher bulla_hasher;

/**
 * The digest of content that is there as a whole.
 *
 * @param content The content.
 * @param length Its length in bytes.
 * @param digest Receives the digest (BLAKE3).
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_digest_of(const uint8_t *content, size_t length, bulla_digest *digest, bulla_error *error);

/**
 * Begins a digest over content that comes in pieces.
 *
 * @param hasher Receives the hasher; free it with bulla_hasher_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_hasher_new(struct bulla_hasher **hasher, bulla_error *error);

/**
 * Takes the next piece of the content.
 *
 * @param hasher The hasher.
 * @param content The piece.
 * @param length Its length in bytes.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: one at a time for each hasher.
 */
BULLA_MUST_CHECK bulla_status bulla_hasher_update(struct bulla_hasher *hasher, const uint8_t *content, size_t length, bulla_error *error);

/**
 * The digest of all pieces so far. More may follow.
 *
 * @param hasher The hasher.
 * @param digest Receives the digest (BLAKE3).
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: one at a time for each hasher.
 */
BULLA_MUST_CHECK bulla_status bulla_hasher_digest(const struct bulla_hasher *hasher, bulla_digest *digest, bulla_error *error);

/**
 * Frees a hasher.
 *
 * @param hasher The hasher; NULL is nothing.
 * Threads: when no other call uses it.
 */
void bulla_hasher_free(struct bulla_hasher *hasher);

/* ==== What can be seen without a key ============================================================================== */

/**
 * Encrypted to recipients, and signed.
 */
#define BULLA_KIND_SEALED 1

/**
 * Signed, not encrypted; the content is inside.
 */
#define BULLA_KIND_SIGNED 2

/**
 * Signed, not encrypted; the content is beside.
 */
#define BULLA_KIND_DETACHED 3

/**
 * What anyone can see of an envelope without a key. None of it is authentic.
 */
typedef struct bulla_inspection {
  /**
   * Digest of the header (BLAKE3): names this very envelope.
   */
  bulla_digest header_digest;
  /**
   * Length of the header in bytes.
   */
  uint64_t header_length;
  /**
   * How many stanzas there are: at most so many recipients, for some may be decoys. 0 for a signed envelope.
   */
  uint32_t stanzas;
  /**
   * BULLA_KIND_SEALED, BULLA_KIND_SIGNED or BULLA_KIND_DETACHED.
   */
  uint32_t kind;
  /**
   * The suite: 1.
   */
  uint32_t suite;
  /**
   * Zero.
   */
  uint8_t reserved[4];
} bulla_inspection;

/**
 * Reads the header of an envelope, without a key.
 *
 * @param start The envelope, or the beginning of it, without armor.
 * @param length Its length in bytes.
 * @param inspection Receives what can be seen.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_MORE if it is well-formed so far, but more of it is needed (1 MiB at most, mostly 200 bytes);
 *         BULLA_MALFORMED; BULLA_UNSUPPORTED_VERSION; BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_inspect(const uint8_t *start, size_t length, struct bulla_inspection *inspection, bulla_error *error);

/* ==== Armor ======================================================================================================= */

/**
 * The armor of a sealed or signed envelope.
 */
#define BULLA_ARMOR_ENVELOPE 1

/**
 * The armor of evidence for third parties.
 */
#define BULLA_ARMOR_EVIDENCE 2

/**
 * The armor of a secret key file.
 */
#define BULLA_ARMOR_SECRET_KEY 3

/**
 * The armor of the proof of a receipt, for third parties.
 */
#define BULLA_ARMOR_RECEIPT_PROOF 4

/**
 * Takes the armor off text that comes in pieces.
 */
typedef struct bulla_armor_reader bulla_armor_reader;

/**
 * Armors bytes that come in pieces.
 */
typedef struct bulla_armor_writer bulla_armor_writer;

/**
 * Whether the input looks armored, by its first bytes.
 *
 * @param input The input, or its first 16 bytes.
 * @param length Its length in bytes.
 * @return 1 or 0; 0 for NULL.
 * Threads: any.
 */
uint8_t bulla_is_armored(const uint8_t *input, size_t length);

/**
 * Armors bytes: lines of ASCII between a first and a last one that say what it is.
 *
 * @param what What the bytes are: BULLA_ARMOR_ENVELOPE, BULLA_ARMOR_EVIDENCE, BULLA_ARMOR_SECRET_KEY or
 *        BULLA_ARMOR_RECEIPT_PROOF.
 * @param data The bytes.
 * @param length How many, at least 1.
 * @param text The text is appended to this buffer, without a closing NUL. Memory of the caller's must have room for 65 bytes for
 *        every 48, and 256 more.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, BULLA_BUFFER_TOO_SMALL, BULLA_INVALID_INPUT.
 * Threads: one at a time for the buffer.
 */
BULLA_MUST_CHECK bulla_status bulla_armor(uint32_t what,
                         const uint8_t *data,
                         size_t length,
                         bulla_buffer *text,
                         bulla_error *error);

/**
 * Takes the armor off.
 *
 * @param what What the text must be, as for bulla_armor().
 * @param text The text.
 * @param length Its length in bytes.
 * @param data The bytes are appended to this buffer. Memory of the caller's must have room for 3 bytes for every 4, and 64 more.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, BULLA_MALFORMED for anything but the one form, and for an armor of something else, BULLA_BUFFER_TOO_SMALL,
 *         BULLA_INVALID_INPUT.
 * Threads: one at a time for the buffer.
 */
BULLA_MUST_CHECK bulla_status bulla_dearmor(uint32_t what,
                           const uint8_t *text,
                           size_t length,
                           bulla_buffer *data,
                           bulla_error *error);

/**
 * Begins an armor around bytes that come in pieces.
 *
 * @param what What the bytes are, as for bulla_armor().
 * @param writer Receives the writer; free it with bulla_armor_writer_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_armor_writer_new(uint32_t what, struct bulla_armor_writer **writer, bulla_error *error);

/**
 * Takes the next piece.
 *
 * @param writer The writer.
 * @param data The piece.
 * @param length Its length in bytes.
 * @param text Text is appended to this buffer: put it away, clear it, use it again. Memory of the caller's must have room for 65
 *        bytes for every 48, and 256 more.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_BUFFER_TOO_SMALL, and then the piece was not taken; BULLA_WRONG_ORDER after the end;
 *         BULLA_INVALID_INPUT for NULL.
 * Threads: one at a time for each writer.
 */
BULLA_MUST_CHECK bulla_status bulla_armor_writer_update(struct bulla_armor_writer *writer,
                                       const uint8_t *data,
                                       size_t length,
                                       bulla_buffer *text,
                                       bulla_error *error);

/**
 * Writes the rest, and the last line. The writer can then only be freed.
 *
 * @param writer The writer.
 * @param text The text is appended to this buffer; at most 256 bytes, and memory of the caller's must have room for so many.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_BUFFER_TOO_SMALL, and then it was not ended; BULLA_WRONG_ORDER after the end; BULLA_INVALID_INPUT for
 *         NULL.
 * Threads: one at a time for each writer.
 */
BULLA_MUST_CHECK bulla_status bulla_armor_writer_finish(struct bulla_armor_writer *writer, bulla_buffer *text, bulla_error *error);

/**
 * Frees a writer, and wipes what it held back.
 *
 * @param writer The writer; NULL is nothing.
 * Threads: when no other call uses it.
 */
void bulla_armor_writer_free(struct bulla_armor_writer *writer);

/**
 * Begins to take the armor off text that comes in pieces.
 *
 * @param what What the text must be, as for bulla_armor().
 * @param reader Receives the reader; free it with bulla_armor_reader_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_armor_reader_new(uint32_t what, struct bulla_armor_reader **reader, bulla_error *error);

/**
 * Takes the next piece of the text.
 *
 * @param reader The reader.
 * @param text The piece.
 * @param length Its length in bytes.
 * @param data Bytes are appended to this buffer: use them, clear it, use it again. Memory of the caller's must have room for 3
 *        bytes for every 4, and 64 more.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_MALFORMED, and then nothing more is taken; BULLA_BUFFER_TOO_SMALL, and then the piece was not taken;
 *         BULLA_WRONG_ORDER after the end; BULLA_INVALID_INPUT for NULL.
 * Threads: one at a time for each reader.
 */
BULLA_MUST_CHECK bulla_status bulla_armor_reader_update(struct bulla_armor_reader *reader,
                                       const uint8_t *text,
                                       size_t length,
                                       bulla_buffer *data,
                                       bulla_error *error);

/**
 * The text has ended. The reader can then only be freed. What came out before counts only if this succeeds.
 *
 * @param reader The reader.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_MALFORMED if the last line has not come; BULLA_WRONG_ORDER after the end; BULLA_INVALID_INPUT for NULL.
 * Threads: one at a time for each reader.
 */
BULLA_MUST_CHECK bulla_status bulla_armor_reader_finish(struct bulla_armor_reader *reader,
                                       bulla_error *error);

/**
 * Frees a reader, and wipes what it held back.
 *
 * @param reader The reader; NULL is nothing.
 * Threads: when no other call uses it.
 */
void bulla_armor_reader_free(struct bulla_armor_reader *reader);

/* ==== Receipts that came ========================================================================================== */

/**
 * The message was opened, verified, and handed to the application.
 */
#define BULLA_STATUS_DELIVERED 1

/**
 * Its content is on the disk, and was read again from there and compared.
 */
#define BULLA_STATUS_STORED 2

/**
 * It will not be accepted, also not if it is sent again. There is a reason.
 */
#define BULLA_STATUS_REJECTED 3

/**
 * A copy came damaged. This settles nothing: the message stays due. There is a reason.
 */
#define BULLA_STATUS_DAMAGED 4

/**
 * No room for it.
 */
#define BULLA_REASON_FULL 1

/**
 * Longer than is accepted.
 */
#define BULLA_REASON_TOO_LARGE 2

/**
 * Not accepted by the recipient's rules.
 */
#define BULLA_REASON_POLICY 3

/**
 * There is nobody, or nothing, of the name that it is for.
 */
#define BULLA_REASON_NO_SUCH_PLACE 4

/**
 * It could not be stored or handed over, for a reason of the recipient's own.
 */
#define BULLA_REASON_FAILED 5

/**
 * What came does not fit the stamp, which is authentic: for BULLA_STATUS_DAMAGED alone.
 */
#define BULLA_REASON_DAMAGED 6

/**
 * From here to 65535: reasons of the application's own.
 */
#define BULLA_REASON_OWN 1024

/**
 * A receipt that was opened: its recipient really said this, to this author. Whether it is about what was sent,
 * bulla_receipt_check() says: settle nothing before.
 */
typedef struct bulla_receipt bulla_receipt;

/**
 * Opens a receipt that came to the author of a message. A receipt is worth the same whenever it comes and however often, so
 * it needs no guard. bulla_outbox_settle() does this, and the check, for what is in an outbox.
 *
 * @param identity The author, who asked for the receipt.
 * @param policy The context of the message, and as senders those to whom it was sent; the rest of it has no effect.
 * @param host_clock The clock to go by; NULL: the clock of the system.
 * @param envelope The receipt as it came, without armor.
 * @param length Its length in bytes.
 * @param receipt Receives the receipt; free it with bulla_receipt_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or as bulla_open(): BULLA_UNTRUSTED_SENDER for another recipient, BULLA_WRONG_STATEMENT for what is no
 *         receipt; and BULLA_WRONG_RECEIPT if it answers somebody else's message.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_receipt_open(const bulla_identity *identity,
                                const bulla_policy *policy,
                                const bulla_clock *host_clock,
                                const uint8_t *envelope,
                                size_t length,
                                struct bulla_receipt **receipt,
                                bulla_error *error);

/**
 * Checks that a receipt is about a message that was sent: only then it says anything. Give all that was sent of the message,
 * one for each sealing.
 *
 * @param receipt The receipt.
 * @param sent What was sent.
 * @param count How many there are.
 * @param which Receives the index of the sealing that it answers; may be NULL.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_WRONG_RECEIPT if it is about another message, or about an envelope that was not sent;
 *         BULLA_CONTENT_DIFFERS if the recipient says that it has other content: this settles nothing, and is to be told
 *         loudly; BULLA_TOO_OLD if it is older than the message; BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_receipt_check(const struct bulla_receipt *receipt,
                                 const bulla_sent *sent,
                                 size_t count,
                                 size_t *which,
                                 bulla_error *error);

/**
 * What became of the message, as its recipient says.
 *
 * @param receipt The receipt.
 * @return BULLA_STATUS_DELIVERED, BULLA_STATUS_STORED, BULLA_STATUS_REJECTED or BULLA_STATUS_DAMAGED, or one of a newer
 *         version; 0 for NULL.
 * Threads: any.
 */
uint32_t bulla_receipt_status(const struct bulla_receipt *receipt);

/**
 * Why a message was not accepted.
 *
 * @param receipt The receipt.
 * @param code Receives the reason: BULLA_REASON_FULL and its like, from BULLA_REASON_OWN on one of the application's own, or
 *        one of a newer version.
 * @param text Receives words of the recipient's, in UTF-8, without control characters, at most 255 bytes; they may be
 *        empty, and live as long as the receipt.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_NOTHING if it was accepted; BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_receipt_reason(const struct bulla_receipt *receipt, uint16_t *code, bulla_view *text, bulla_error *error);

/**
 * Who says so: the public signing key of the recipient.
 *
 * @param receipt The receipt.
 * @param recipient Receives the key.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_receipt_recipient(const struct bulla_receipt *receipt, bulla_key *recipient, bulla_error *error);

/**
 * The message that it is about, as the recipient says: bulla_receipt_check() compares it.
 *
 * @param receipt The receipt.
 * @param id Receives the id.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_receipt_message_id(const struct bulla_receipt *receipt, bulla_message_id *id, bulla_error *error);

/**
 * The context that it was made in, in UTF-8.
 *
 * @param receipt The receipt.
 * @return The context, which lives as long as the receipt; nothing for NULL.
 * Threads: any.
 */
bulla_view bulla_receipt_context(const struct bulla_receipt *receipt);

/**
 * When it was made, as the recipient says.
 *
 * @param receipt The receipt.
 * @return Seconds since 1970; 0 for NULL.
 * Threads: any.
 */
uint64_t bulla_receipt_issued(const struct bulla_receipt *receipt);

/**
 * The content that the recipient verified.
 *
 * @param receipt The receipt.
 * @param content_length Receives its length in bytes.
 * @param content_digest Receives its digest (BLAKE3).
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_NOTHING if the recipient verified none, as when it was rejected by its stamp alone;
 *         BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_receipt_content(const struct bulla_receipt *receipt,
                                   uint64_t *content_length,
                                   bulla_digest *content_digest,
                                   bulla_error *error);

/**
 * Writes the proof of a receipt for a third party, who needs no key to check it (bulla_receipt_proof_check()). No secret
 * is in it, and not the content: what the message was, the author shows with its content, whose digest is in it.
 *
 * @param receipt The receipt.
 * @param proof The proof is appended to this buffer; at most 21 520 bytes.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, BULLA_BUFFER_TOO_SMALL, BULLA_INVALID_INPUT for NULL.
 * Threads: any for the receipt, one at a time for the buffer.
 */
BULLA_MUST_CHECK bulla_status bulla_receipt_to_proof(const struct bulla_receipt *receipt, bulla_buffer *proof, bulla_error *error);

/**
 * Frees a receipt, and what was looked at in it.
 *
 * @param receipt The receipt; NULL is nothing. Not one that bulla_settled_receipt() gave: that belongs to what it was asked of.
 * Threads: when no other call uses it.
 */
void bulla_receipt_free(struct bulla_receipt *receipt);

/**
 * The proof of a receipt that was checked: the recipient signed this about a message of this author.
 */
typedef struct bulla_receipt_proof bulla_receipt_proof;

/**
 * Checks the proof of a receipt. No key is needed. Whether the recipient is who one thinks is for the caller to judge, by
 * bulla_receipt_proof_recipient(); and whether the content at hand is the one meant, by bulla_receipt_proof_content().
 *
 * @param data The proof, as bulla_receipt_to_proof() or an outbox gave it.
 * @param length Its length in bytes.
 * @param proof Receives what it proves; free it with bulla_receipt_proof_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, BULLA_MALFORMED, BULLA_UNSUPPORTED_VERSION, BULLA_NOT_AUTHENTIC; BULLA_WRONG_STATEMENT if it is proof of
 *         something else than a receipt; BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_receipt_proof_check(const uint8_t *data,
                                       size_t length,
                                       struct bulla_receipt_proof **proof,
                                       bulla_error *error);

/**
 * What became of the message, as its recipient says.
 *
 * @param proof The proof.
 * @return BULLA_STATUS_DELIVERED, BULLA_STATUS_STORED, BULLA_STATUS_REJECTED or BULLA_STATUS_DAMAGED, or one of a newer
 *         version; 0 for NULL.
 * Threads: any.
 */
uint32_t bulla_receipt_proof_status(const struct bulla_receipt_proof *proof);

/**
 * Why a message was not accepted.
 *
 * @param proof The proof.
 * @param code Receives the reason: BULLA_REASON_FULL and its like, from BULLA_REASON_OWN on one of the application's own, or
 *        one of a newer version.
 * @param text Receives words of the recipient's, in UTF-8, without control characters, at most 255 bytes; they may be
 *        empty, and live as long as the proof.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_NOTHING if it was accepted; BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_receipt_proof_reason(const struct bulla_receipt_proof *proof,
                                        uint16_t *code,
                                        bulla_view *text,
                                        bulla_error *error);

/**
 * Who says so: the public signing key of the recipient.
 *
 * @param proof The proof.
 * @param recipient Receives the key.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_receipt_proof_recipient(const struct bulla_receipt_proof *proof, bulla_key *recipient, bulla_error *error);

/**
 * The message that it is about.
 *
 * @param proof The proof.
 * @param id Receives the id.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_receipt_proof_message_id(const struct bulla_receipt_proof *proof, bulla_message_id *id, bulla_error *error);

/**
 * The context that it was made in, in UTF-8.
 *
 * @param proof The proof.
 * @return The context, which lives as long as the proof; nothing for NULL.
 * Threads: any.
 */
bulla_view bulla_receipt_proof_context(const struct bulla_receipt_proof *proof);

/**
 * When it was made, as the recipient says.
 *
 * @param proof The proof.
 * @return Seconds since 1970; 0 for NULL.
 * Threads: any.
 */
uint64_t bulla_receipt_proof_issued(const struct bulla_receipt_proof *proof);

/**
 * The content that the recipient verified.
 *
 * @param proof The proof.
 * @param content_length Receives its length in bytes.
 * @param content_digest Receives its digest (BLAKE3).
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_NOTHING if the recipient verified none, as when it was rejected by its stamp alone;
 *         BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_receipt_proof_content(const struct bulla_receipt_proof *proof,
                                         uint64_t *content_length,
                                         bulla_digest *content_digest,
                                         bulla_error *error);

/**
 * Whose message it is about: the public signing key of the author.
 *
 * @param proof The proof.
 * @param author Receives the key.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_receipt_proof_author(const struct bulla_receipt_proof *proof, bulla_key *author, bulla_error *error);

/**
 * Digest of the header of the envelope that it answers.
 *
 * @param proof The proof.
 * @param header_digest Receives the digest (BLAKE3).
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_receipt_proof_header_digest(const struct bulla_receipt_proof *proof,
                                               bulla_digest *header_digest,
                                               bulla_error *error);

/**
 * Frees a proof, and what was looked at in it.
 *
 * @param proof The proof; NULL is nothing.
 * Threads: when no other call uses it.
 */
void bulla_receipt_proof_free(struct bulla_receipt_proof *proof);

/* ==== The outbox ================================================================================================== */

/* In a library without the feature "sqlite" these return BULLA_INVALID_INPUT. */

/**
 * What is sent, to whom, and what is awaited.
 */
typedef struct bulla_letter bulla_letter;

/**
 * Begins a letter: a message to these recipients, of whom each is to confirm that it is stored.
 *
 * @param sent What sealing gave.
 * @param context The context of the message, closed with NUL.
 * @param recipients The recipients' signing keys, as bulla_public_key() gives them.
 * @param count How many, at least 1.
 * @param deadline Until when answers are awaited, in seconds since 1970. What has none by then is given up.
 * @param letter Receives the letter; free it with bulla_letter_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_NO_RECIPIENT; BULLA_INVALID_INPUT, also for what is no signing key.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_letter_new(const bulla_sent *sent,
                              const char *context,
                              const bulla_key *recipients,
                              size_t count,
                              uint64_t deadline,
                              struct bulla_letter **letter,
                              bulla_error *error);

/**
 * It is enough if the recipients confirm that the message is delivered.
 *
 * @param letter The letter.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_letter_until_delivered(struct bulla_letter *letter, bulla_error *error);

/**
 * What the host wants to remember of the message: where to send it, for whom. It is kept as it is, and given with what is due.
 *
 * @param letter The letter.
 * @param note At most 1024 bytes, closed with NUL.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_letter_note(struct bulla_letter *letter, const char *note, bulla_error *error);

/**
 * Frees a letter; what was put with it stays in the outbox.
 *
 * @param letter The letter; NULL is nothing.
 * Threads: when no other call uses it.
 */
void bulla_letter_free(struct bulla_letter *letter);

/* In a library without the feature "sqlite" these return BULLA_INVALID_INPUT. */

/**
 * A sender's durable list of what awaits receipts, so that nothing is lost in silence. Every step is one transaction on the
 * disk, may be repeated, and is safe for several threads and processes.
 *
 * Put what is sealed before it is sent. Then, again and again: send what is due, and mark it as sent; settle with the
 * receipts that come; and tell what is given up.
 */
typedef struct bulla_outbox bulla_outbox;

/**
 * An envelope on its way into the outbox, in pieces. If it is not committed, nothing is left of it.
 */
typedef struct bulla_outgoing bulla_outgoing;

/**
 * Waiting times: the first, doubled each time up to the longest, each a quarter shorter or longer by chance.
 */
typedef struct bulla_backoff {
  /**
   * Seconds until something is sent the second time; 0 counts as 1.
   */
  uint64_t first;
  /**
   * Most seconds between two times; 0 counts as 1.
   */
  uint64_t longest;
} bulla_backoff;

/**
 * Makes the outbox of a database; a guard may live in the same one.
 *
 * @param database The database.
 * @param backoff How long to wait before something is sent again; NULL: a minute at first, six hours at most.
 * @param outbox Receives the outbox; free it with bulla_outbox_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_outbox_new(const bulla_database *database,
                              const struct bulla_backoff *backoff,
                              struct bulla_outbox **outbox,
                              bulla_error *error);

/**
 * Records an envelope before it is sent; it is due at once. To put the same envelope again changes nothing. Another envelope of
 * the same message is one more that may be answered, and is sent in place of the first.
 *
 * @param outbox The outbox.
 * @param letter What it is, to whom it goes, and what is awaited.
 * @param envelope The envelope, without armor.
 * @param length Its length in bytes.
 * @param now The time in seconds since 1970.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK. Else nothing was recorded, so do not send it: BULLA_OUTBOX_UNAVAILABLE, BULLA_IO, BULLA_MALFORMED, and
 *         BULLA_INVALID_INPUT, also if it is not the envelope that the letter names.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_outbox_put(const struct bulla_outbox *outbox,
                              const bulla_letter *letter,
                              const uint8_t *envelope,
                              size_t length,
                              uint64_t now,
                              bulla_error *error);

/**
 * Begins an envelope that comes in pieces. It is recorded by bulla_outgoing_commit().
 *
 * @param outbox The outbox. It may be freed before the envelope is whole.
 * @param outgoing Receives what takes the envelope; free it with bulla_outgoing_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, BULLA_IO, BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_outbox_begin(const struct bulla_outbox *outbox, struct bulla_outgoing **outgoing, bulla_error *error);

/**
 * Takes the next piece of the envelope.
 *
 * @param outgoing What takes the envelope.
 * @param envelope The piece.
 * @param length Its length in bytes.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_IO, and then it can only be freed; BULLA_INVALID_INPUT for NULL; BULLA_WRONG_ORDER after a failure
 *         and after the end.
 * Threads: one at a time for each.
 */
BULLA_MUST_CHECK bulla_status bulla_outgoing_write(struct bulla_outgoing *outgoing, const uint8_t *envelope, size_t length, bulla_error *error);

/**
 * Records the envelope, durably; it is due at once. What took it can then only be freed, whatever this returns.
 *
 * @param outgoing What took the envelope.
 * @param letter What it is, to whom it goes, and what is awaited.
 * @param now The time in seconds since 1970.
 * @param error May be NULL; see bulla_error.
 * @return As bulla_outbox_put(); BULLA_WRONG_ORDER after a failure and after the end.
 * Threads: one at a time for each.
 */
BULLA_MUST_CHECK bulla_status bulla_outgoing_commit(struct bulla_outgoing *outgoing,
                                   const bulla_letter *letter,
                                   uint64_t now,
                                   bulla_error *error);

/**
 * Frees what takes an envelope; if it was not committed, nothing is left of it.
 *
 * @param outgoing What takes the envelope; NULL is nothing.
 * Threads: when no other call uses it.
 */
void bulla_outgoing_free(struct bulla_outgoing *outgoing);

/**
 * Forgets what is settled or failed for all its recipients and was last touched before a time.
 *
 * @param outbox The outbox.
 * @param before The time in seconds since 1970.
 * @param forgotten Receives how many messages; may be NULL.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, BULLA_OUTBOX_UNAVAILABLE, BULLA_IO, BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_outbox_forget(const struct bulla_outbox *outbox, uint64_t before, size_t *forgotten, bulla_error *error);

/**
 * Removes what a crash left beside the file: long envelopes that nobody awaits an answer to, a day after they were written.
 *
 * @param outbox The outbox.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, BULLA_OUTBOX_UNAVAILABLE, BULLA_IO, BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_outbox_clean(const struct bulla_outbox *outbox, bulla_error *error);

/**
 * Frees an outbox; what is in it stays in the file.
 *
 * @param outbox The outbox; NULL is nothing.
 * Threads: when no other call uses it.
 */
void bulla_outbox_free(struct bulla_outbox *outbox);

/* In a library without the feature "sqlite" these return BULLA_INVALID_INPUT. */

/**
 * What is to be sent, given to this caller alone for ten minutes: send it, and mark it as sent.
 */
typedef struct bulla_due_list bulla_due_list;

/**
 * Something to be sent to somebody.
 */
typedef struct bulla_due {
  /**
   * The message.
   */
  bulla_message_id message_id;
  /**
   * Names the envelope to send.
   */
  bulla_digest header_digest;
  /**
   * To whom: the public signing key.
   */
  bulla_key recipient;
  /**
   * Which time this is: 1 for the first.
   */
  uint32_t attempts;
  /**
   * Zero.
   */
  uint32_t reserved;
  /**
   * The host's note, in UTF-8, which lives as long as the list.
   */
  bulla_view note;
} bulla_due;

/**
 * Gives what is to be sent now: what was never sent, and what got no answer for long enough. Each is given to one caller alone,
 * and to another one if that does not mark it as sent within ten minutes.
 *
 * @param outbox The outbox.
 * @param now The time in seconds since 1970.
 * @param at_most How many at most.
 * @param list Receives the list, which may be empty; free it with bulla_due_list_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, BULLA_OUTBOX_UNAVAILABLE, BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_outbox_due(const bulla_outbox *outbox,
                              uint64_t now,
                              size_t at_most,
                              struct bulla_due_list **list,
                              bulla_error *error);

/**
 * Takes one envelope in order to send it now, due or not: for each recipient who has not answered.
 *
 * @param outbox The outbox.
 * @param header_digest Names the envelope, as in bulla_sent.
 * @param now The time in seconds since 1970.
 * @param list Receives the list, which is empty if nobody's answer is awaited; free it with bulla_due_list_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, BULLA_OUTBOX_UNAVAILABLE, BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_outbox_take(const bulla_outbox *outbox,
                               const bulla_digest *header_digest,
                               uint64_t now,
                               struct bulla_due_list **list,
                               bulla_error *error);

/**
 * Gives what bulla_outbox_due() or bulla_outbox_take() gave last of an envelope: for a process that was told its name alone, and
 * is to mark it as sent.
 *
 * @param outbox The outbox.
 * @param header_digest Names the envelope, as in bulla_sent.
 * @param list Receives the list, which is empty if nobody has taken it, or nothing is awaited any more; free it with
 *        bulla_due_list_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, BULLA_OUTBOX_UNAVAILABLE, BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_outbox_taken(const bulla_outbox *outbox,
                                const bulla_digest *header_digest,
                                struct bulla_due_list **list,
                                bulla_error *error);

/**
 * How much is to be sent.
 *
 * @param list The list.
 * @return The number; 0 for NULL.
 * Threads: any.
 */
size_t bulla_due_list_count(const struct bulla_due_list *list);

/**
 * One of what is to be sent.
 *
 * @param list The list.
 * @param index Less than bulla_due_list_count().
 * @param due Receives it; its note lives as long as the list.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_due_list_at(const struct bulla_due_list *list, size_t index, struct bulla_due *due, bulla_error *error);

/**
 * Frees a list of what is to be sent; what was not marked as sent is due again ten minutes after it was given.
 *
 * @param list The list; NULL is nothing.
 * Threads: when no other call uses it.
 */
void bulla_due_list_free(struct bulla_due_list *list);

/**
 * One of what was due was handed to the transport: it is due again after a while, longer each time, unless a receipt comes.
 *
 * @param outbox The outbox.
 * @param list The list that it was in.
 * @param index Its place in the list, less than bulla_due_list_count().
 * @param now The time in seconds since 1970.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, BULLA_OUTBOX_UNAVAILABLE, BULLA_INVALID_INPUT.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_outbox_mark_sent(const bulla_outbox *outbox,
                                    const struct bulla_due_list *list,
                                    size_t index,
                                    uint64_t now,
                                    bulla_error *error);

/**
 * Gives an envelope to send, whole: the identical one each time.
 *
 * @param outbox The outbox.
 * @param header_digest Names the envelope.
 * @param envelope The envelope is appended to this buffer.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_INVALID_INPUT for NULL, or if it is not there (any more); BULLA_OUTBOX_UNAVAILABLE, BULLA_IO,
 *         BULLA_BUFFER_TOO_SMALL. That it is not there any more is harmless: a receipt settled it, or it was given up, between
 *         bulla_outbox_due() and this, perhaps by another process. That is so if bulla_outbox_taken() now gives an empty list: there
 *         is nothing to send, and nothing to mark.
 * Threads: any for the outbox, one at a time for the buffer.
 */
BULLA_MUST_CHECK bulla_status bulla_outbox_envelope(const bulla_outbox *outbox,
                                   const bulla_digest *header_digest,
                                   bulla_buffer *envelope,
                                   bulla_error *error);

/* In a library without the feature "sqlite" these return BULLA_INVALID_INPUT. */

/**
 * An envelope of an outbox, to be read in pieces.
 */
typedef struct bulla_outbox_reader bulla_outbox_reader;

/**
 * Begins to read an envelope to send, in pieces.
 *
 * @param outbox The outbox. It may be freed while the envelope is read.
 * @param header_digest Names the envelope.
 * @param reader Receives the reader; free it with bulla_outbox_reader_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_INVALID_INPUT for NULL, or if it is not there (any more), which is harmless as for
 *         bulla_outbox_envelope(); BULLA_OUTBOX_UNAVAILABLE, BULLA_IO.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_outbox_reader_new(const bulla_outbox *outbox,
                                     const bulla_digest *header_digest,
                                     struct bulla_outbox_reader **reader,
                                     bulla_error *error);

/**
 * Reads the next piece.
 *
 * @param reader The reader.
 * @param at_most How many bytes, at least 1. Memory of the caller's must have room for so many.
 * @param envelope The piece is appended to this buffer: as long as said, but for the last one.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_NOTHING at the end; BULLA_IO, and then it can only be freed; BULLA_BUFFER_TOO_SMALL,
 *         BULLA_INVALID_INPUT; BULLA_WRONG_ORDER after a failure.
 * Threads: one at a time for each reader.
 */
BULLA_MUST_CHECK bulla_status bulla_outbox_reader_read(struct bulla_outbox_reader *reader,
                                      size_t at_most,
                                      bulla_buffer *envelope,
                                      bulla_error *error);

/**
 * Tells how long an envelope is, and goes to a place in it, from which it is read next: to go on with what was cut off.
 *
 * @param reader The reader.
 * @param place How many bytes from the beginning.
 * @param length Receives the length of the whole envelope in bytes; may be NULL.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_NOTHING if the envelope is not so long: then only its length is told, and the reader stays where it
 *         is; BULLA_IO, and then it can only be freed; BULLA_INVALID_INPUT for NULL; BULLA_WRONG_ORDER after a failure.
 * Threads: one at a time for each reader.
 */
BULLA_MUST_CHECK bulla_status bulla_outbox_reader_seek(struct bulla_outbox_reader *reader, uint64_t place, uint64_t *length, bulla_error *error);

/**
 * Frees a reader.
 *
 * @param reader The reader; NULL is nothing.
 * Threads: when no other call uses it.
 */
void bulla_outbox_reader_free(struct bulla_outbox_reader *reader);

/* In a library without the feature "sqlite" these return BULLA_INVALID_INPUT. */

/**
 * A receipt is awaited.
 */
#define BULLA_OUTBOX_WAITING 1

/**
 * Confirmed by a receipt.
 */
#define BULLA_OUTBOX_SETTLED 2

/**
 * Rejected by a receipt: a failure.
 */
#define BULLA_OUTBOX_REJECTED 3

/**
 * Nobody answered in time: a failure.
 */
#define BULLA_OUTBOX_GIVEN_UP 4

/**
 * All entries are listed.
 */
#define BULLA_FILTER_ALL 0

/**
 * Those that await a receipt.
 */
#define BULLA_FILTER_WAITING 1

/**
 * Those that are settled.
 */
#define BULLA_FILTER_SETTLED 2

/**
 * Those that were rejected or given up.
 */
#define BULLA_FILTER_FAILED 3

/**
 * Entries of an outbox, as they were when it was asked.
 */
typedef struct bulla_entry_list bulla_entry_list;

/**
 * What was sent of a message, one for each sealing.
 */
typedef struct bulla_sent_list bulla_sent_list;

/**
 * A message and one of its recipients. What it points to lives as long as what it was asked of.
 */
typedef struct bulla_outbox_entry {
  /**
   * The message.
   */
  bulla_message_id message_id;
  /**
   * Names the envelope that is sent.
   */
  bulla_digest header_digest;
  /**
   * To whom: the public signing key.
   */
  bulla_key recipient;
  /**
   * Until when an answer is awaited, in seconds since 1970.
   */
  uint64_t deadline;
  /**
   * When it is to be sent next, in seconds since 1970, if it is waiting.
   */
  uint64_t next_due;
  /**
   * How often it was sent, or was about to be.
   */
  uint32_t attempts;
  /**
   * How far it has come: BULLA_OUTBOX_WAITING and its like.
   */
  uint32_t state;
  /**
   * 1 if it must be stored, 0 if delivery is enough.
   */
  uint8_t awaits_stored;
  /**
   * Zero.
   */
  uint8_t reserved[7];
  /**
   * The context of the message, in UTF-8.
   */
  bulla_view context;
  /**
   * The host's note, in UTF-8.
   */
  bulla_view note;
  /**
   * What the last receipt that counted said, in words, in UTF-8; nothing if none came.
   */
  bulla_view told;
  /**
   * The proof of that receipt, for third parties (bulla_receipt_proof_check()); nothing if none came.
   */
  bulla_view proof;
} bulla_outbox_entry;

/**
 * Gives up what has passed its deadline, and says once what that was: each is a failure to be told to its author, and stays in
 * the outbox as such until it is forgotten.
 *
 * @param outbox The outbox.
 * @param now The time in seconds since 1970.
 * @param list Receives the list, which may be empty; free it with bulla_entry_list_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, BULLA_OUTBOX_UNAVAILABLE, BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_outbox_give_up(const bulla_outbox *outbox, uint64_t now, struct bulla_entry_list **list, bulla_error *error);

/**
 * Lists what is in an outbox, the oldest first.
 *
 * @param outbox The outbox.
 * @param filter BULLA_FILTER_ALL, BULLA_FILTER_WAITING, BULLA_FILTER_SETTLED or BULLA_FILTER_FAILED.
 * @param at_most How many at most.
 * @param list Receives the list, which may be empty; free it with bulla_entry_list_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, BULLA_OUTBOX_UNAVAILABLE, BULLA_INVALID_INPUT.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_outbox_list(const bulla_outbox *outbox,
                               uint32_t filter,
                               size_t at_most,
                               struct bulla_entry_list **list,
                               bulla_error *error);

/**
 * Lists the entries of one message, one for each recipient.
 *
 * @param outbox The outbox.
 * @param id The message.
 * @param list Receives the list, which is empty if the outbox does not know it; free it with bulla_entry_list_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, BULLA_OUTBOX_UNAVAILABLE, BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_outbox_of_message(const bulla_outbox *outbox,
                                     const bulla_message_id *id,
                                     struct bulla_entry_list **list,
                                     bulla_error *error);

/**
 * How many entries there are.
 *
 * @param list The list.
 * @return The number; 0 for NULL.
 * Threads: any.
 */
size_t bulla_entry_list_count(const struct bulla_entry_list *list);

/**
 * One of the entries.
 *
 * @param list The list.
 * @param index Less than bulla_entry_list_count().
 * @param found Receives the entry; what it points to lives as long as the list.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_entry_list_at(const struct bulla_entry_list *list,
                                 size_t index,
                                 struct bulla_outbox_entry *found,
                                 bulla_error *error);

/**
 * Frees a list of entries, and what they point to.
 *
 * @param list The list; NULL is nothing.
 * Threads: when no other call uses it.
 */
void bulla_entry_list_free(struct bulla_entry_list *list);

/**
 * Gives what was sent of a message: for an audit, or to seal it again.
 *
 * @param outbox The outbox.
 * @param id The message.
 * @param list Receives the list, which is empty if the outbox does not know it; free it with bulla_sent_list_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, BULLA_OUTBOX_UNAVAILABLE, BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_outbox_sent(const bulla_outbox *outbox,
                               const bulla_message_id *id,
                               struct bulla_sent_list **list,
                               bulla_error *error);

/**
 * How many sealings there are.
 *
 * @param list The list.
 * @return The number; 0 for NULL.
 * Threads: any.
 */
size_t bulla_sent_list_count(const struct bulla_sent_list *list);

/**
 * The sealings, as an array, which bulla_receipt_check() takes as it is.
 *
 * @param list The list.
 * @return As many as bulla_sent_list_count() says, which live as long as the list; NULL if there are none.
 * Threads: any.
 */
const bulla_sent *bulla_sent_list_items(const struct bulla_sent_list *list);

/**
 * Frees a list of what was sent.
 *
 * @param list The list; NULL is nothing.
 * Threads: when no other call uses it.
 */
void bulla_sent_list_free(struct bulla_sent_list *list);

/* In a library without the feature "sqlite" these return BULLA_INVALID_INPUT. */

/**
 * What a receipt has settled.
 */
typedef struct bulla_settled bulla_settled;

/**
 * Takes a receipt that came, checks it against what was sent, and settles what it is about. BULLA_STATUS_STORED and (if that
 * is enough) BULLA_STATUS_DELIVERED settle it, BULLA_STATUS_REJECTED makes it a failure, and BULLA_STATUS_DAMAGED only
 * makes it due at once. Stored outranks rejected, whichever comes first.
 *
 * @param outbox The outbox.
 * @param identity The author, who asked for the receipt.
 * @param host_clock The clock to go by; NULL: the clock of the system.
 * @param envelope The receipt as it came, without armor.
 * @param length Its length in bytes.
 * @param settled Receives what it has settled; free it with bulla_settled_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK. Else nothing has changed: as bulla_receipt_open() and bulla_receipt_check(), of which BULLA_CONTENT_DIFFERS is
 *         to be told loudly; BULLA_WRONG_RECEIPT if it is about nothing in this outbox; BULLA_OUTBOX_UNAVAILABLE: try again.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_outbox_settle(const bulla_outbox *outbox,
                                 const bulla_identity *identity,
                                 const bulla_clock *host_clock,
                                 const uint8_t *envelope,
                                 size_t length,
                                 struct bulla_settled **settled,
                                 bulla_error *error);

/**
 * Whether the receipt has changed what the outbox says.
 *
 * @param settled What a receipt has settled.
 * @return 1, or 0 if it said so before, and for NULL.
 * Threads: any.
 */
uint8_t bulla_settled_is_new(const struct bulla_settled *settled);

/**
 * What the outbox now says of this message and recipient.
 *
 * @param settled What a receipt has settled.
 * @param found Receives the entry; what it points to lives as long as `settled`.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_settled_entry(const struct bulla_settled *settled, bulla_outbox_entry *found, bulla_error *error);

/**
 * The receipt: checked, and about a message of this outbox.
 *
 * @param settled What a receipt has settled.
 * @return The receipt, which lives as long as `settled` and is not freed; NULL for NULL.
 * Threads: any.
 */
const bulla_receipt *bulla_settled_receipt(const struct bulla_settled *settled);

/**
 * Frees what a receipt has settled, and what was looked at in it. The outbox stays as it is.
 *
 * @param settled What a receipt has settled; NULL is nothing.
 * Threads: when no other call uses it.
 */
void bulla_settled_free(struct bulla_settled *settled);

/* ==== Audits ====================================================================================================== */

/**
 * What proves that one has a content: the same for the same question and content, and for nothing else.
 */
typedef struct bulla_audit_proof bulla_audit_proof;

/**
 * Turns a content, given in pieces, into the proof that one has it.
 */
typedef struct bulla_prover bulla_prover;

/**
 * Takes the next piece of the content.
 *
 * @param prover What takes the content.
 * @param content The piece.
 * @param length Its length in bytes.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, BULLA_INVALID_INPUT for NULL, BULLA_WRONG_ORDER after bulla_prover_finish().
 * Threads: one at a time for each prover.
 */
BULLA_MUST_CHECK bulla_status bulla_prover_update(struct bulla_prover *prover, const uint8_t *content, size_t length, bulla_error *error);

/**
 * Gives the proof. The prover can then only be freed.
 *
 * @param prover What took the content.
 * @param proof Receives the proof; free it with bulla_audit_proof_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_NOTHING if what came is not the content in question; BULLA_INVALID_INPUT for NULL;
 *         BULLA_WRONG_ORDER after the end.
 * Threads: one at a time for each prover.
 */
BULLA_MUST_CHECK bulla_status bulla_prover_finish(struct bulla_prover *prover, struct bulla_audit_proof **proof, bulla_error *error);

/**
 * Frees a prover.
 *
 * @param prover The prover; NULL is nothing.
 * Threads: when no other call uses it.
 */
void bulla_prover_free(struct bulla_prover *prover);

/**
 * Whether two proofs are the same, told in constant time: whether the holder has what the asker has.
 *
 * @param proof A proof.
 * @param other Another one.
 * @return 1 if they are the same; 0 if not, and if one of them is NULL.
 * Threads: any.
 */
uint8_t bulla_audit_proof_equals(const struct bulla_audit_proof *proof, const struct bulla_audit_proof *other);

/**
 * Frees a proof.
 *
 * @param proof The proof; NULL is nothing.
 * Threads: when no other call uses it.
 */
void bulla_audit_proof_free(struct bulla_audit_proof *proof);

/**
 * A question of an audit: "do you still have it?", which only who has all of the content can answer. Keep it until its
 * answer has come. It holds nothing secret.
 */
typedef struct bulla_question bulla_question;

/**
 * Asks whether somebody still has the content of a message that was sent. The answer may come for 24 hours.
 *
 * @param identity Who asks; the answer comes to its newest encryption key.
 * @param host_clock The clock to go by; NULL: the clock of the system.
 * @param holder Who is asked: the author of the message, or one of its recipients.
 * @param context The context, closed with NUL: 1 to 255 bytes without control characters.
 * @param sent What was sent.
 * @param envelope The envelope to send, sealed to the holder, is appended to this buffer.
 * @param question Receives the question; free it with bulla_question_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or as bulla_seal(); BULLA_NO_USABLE_KEY if either has no encryption key.
 * Threads: any, one at a time for the buffer.
 */
BULLA_MUST_CHECK bulla_status bulla_question_ask(const bulla_identity *identity,
                                const bulla_clock *host_clock,
                                const bulla_public *holder,
                                const char *context,
                                const bulla_sent *sent,
                                bulla_buffer *envelope,
                                struct bulla_question **question,
                                bulla_error *error);

/**
 * Writes a question as bytes, to keep it.
 *
 * @param question The question.
 * @param data The bytes are appended to this buffer; at most 1344.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, BULLA_BUFFER_TOO_SMALL, BULLA_INVALID_INPUT for NULL.
 * Threads: any for the question, one at a time for the buffer.
 */
BULLA_MUST_CHECK bulla_status bulla_question_to_bytes(const struct bulla_question *question, bulla_buffer *data, bulla_error *error);

/**
 * Reads what bulla_question_to_bytes() wrote.
 *
 * @param data The bytes: from the caller's own store, for nothing in them is signed.
 * @param length How many.
 * @param question Receives the question; free it with bulla_question_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_MALFORMED for anything else; BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_question_from_bytes(const uint8_t *data,
                                       size_t length,
                                       struct bulla_question **question,
                                       bulla_error *error);

/**
 * The message in question.
 *
 * @param question The question.
 * @param id Receives the id.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_question_message_id(const struct bulla_question *question, bulla_message_id *id, bulla_error *error);

/**
 * The content in question.
 *
 * @param question The question.
 * @param content_length Receives its length in bytes.
 * @param content_digest Receives its digest (BLAKE3).
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_question_content(const struct bulla_question *question,
                                    uint64_t *content_length,
                                    bulla_digest *content_digest,
                                    bulla_error *error);

/**
 * Who asks.
 *
 * @param question The question.
 * @param asker Receives the public signing key.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_question_asker(const struct bulla_question *question, bulla_key *asker, bulla_error *error);

/**
 * Who is asked.
 *
 * @param question The question.
 * @param holder Receives the public signing key.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_question_holder(const struct bulla_question *question, bulla_key *holder, bulla_error *error);

/**
 * The context of a question, in UTF-8.
 *
 * @param question The question.
 * @return The context, which lives as long as the question; nothing for NULL.
 * Threads: any.
 */
bulla_view bulla_question_context(const struct bulla_question *question);

/**
 * Begins to prove that one has the content: feed it with all of that. The holder proves so, and so does the asker, to know
 * the right answer.
 *
 * @param question The question.
 * @param prover Receives what takes the content; free it with bulla_prover_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_question_prover(const struct bulla_question *question, bulla_prover **prover, bulla_error *error);

/**
 * Opens the answer. That it is the right one is known only when bulla_audit_proof_equals() says so of the proof that it gives
 * and the asker's own.
 *
 * @param question The question.
 * @param identity Who asked.
 * @param host_clock The clock to go by; NULL: the clock of the system.
 * @param envelope The answer as it came, without armor.
 * @param length Its length in bytes.
 * @param proof Receives the proof that the holder sent; free it with bulla_audit_proof_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK; BULLA_NOTHING if the holder says that it has the content no more; else as bulla_open(), and
 *         BULLA_WRONG_RECEIPT if it answers another question.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_question_answer(const struct bulla_question *question,
                                   const bulla_identity *identity,
                                   const bulla_clock *host_clock,
                                   const uint8_t *envelope,
                                   size_t length,
                                   bulla_audit_proof **proof,
                                   bulla_error *error);

/**
 * Frees a question, and what was looked at in it.
 *
 * @param question The question; NULL is nothing. Not one that bulla_asked_question() gave: that belongs to what it was
 *        asked of.
 * Threads: when no other call uses it.
 */
void bulla_question_free(struct bulla_question *question);

/**
 * A question that came, verified.
 */
typedef struct bulla_asked bulla_asked;

/**
 * Opens a question that came. To answer one means to read all of the content, so a guard sees to it that nobody has that done
 * again and again with the same question.
 *
 * @param identity Who is asked.
 * @param policy The context, and who may ask. Answer only those to whom the content is known already: its author, or
 *        another recipient.
 * @param guard The replay guard.
 * @param host_clock The clock to go by; NULL: the clock of the system.
 * @param envelope The question as it came, without armor.
 * @param length Its length in bytes.
 * @param asked Receives the question that came; free it with bulla_asked_free().
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or as bulla_open(); BULLA_WRONG_STATEMENT for what is no question.
 * Threads: any.
 */
BULLA_MUST_CHECK bulla_status bulla_asked_open(const bulla_identity *identity,
                              const bulla_policy *policy,
                              const bulla_guard *guard,
                              const bulla_clock *host_clock,
                              const uint8_t *envelope,
                              size_t length,
                              struct bulla_asked **asked,
                              bulla_error *error);

/**
 * The question: what is asked for, and what proves that one has it.
 *
 * @param asked The question that came.
 * @return The question, which lives as long as `asked` and is not freed; NULL for NULL.
 * Threads: any.
 */
const bulla_question *bulla_asked_question(const struct bulla_asked *asked);

/**
 * Answers that the content is held, with the proof of it.
 *
 * @param asked The question that came.
 * @param identity Who is asked.
 * @param host_clock The clock to go by; NULL: the clock of the system.
 * @param proof The proof, of a prover that this question gave (bulla_question_prover()).
 * @param envelope The answer, sealed to the asker, is appended to this buffer.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or as bulla_seal().
 * Threads: any, one at a time for the buffer.
 */
BULLA_MUST_CHECK bulla_status bulla_asked_answer(const struct bulla_asked *asked,
                                const bulla_identity *identity,
                                const bulla_clock *host_clock,
                                const bulla_audit_proof *proof,
                                bulla_buffer *envelope,
                                bulla_error *error);

/**
 * Answers that the content is held no more.
 *
 * @param asked The question that came.
 * @param identity Who is asked.
 * @param host_clock The clock to go by; NULL: the clock of the system.
 * @param envelope The answer, sealed to the asker, is appended to this buffer.
 * @param error May be NULL; see bulla_error.
 * @return BULLA_OK, or as bulla_seal().
 * Threads: any, one at a time for the buffer.
 */
BULLA_MUST_CHECK bulla_status bulla_asked_answer_not_held(const struct bulla_asked *asked,
                                         const bulla_identity *identity,
                                         const bulla_clock *host_clock,
                                         bulla_buffer *envelope,
                                         bulla_error *error);

/**
 * Frees a question that came, and with it what it gave to look at.
 *
 * @param asked The question; NULL is nothing.
 * Threads: when no other call uses it.
 */
void bulla_asked_free(struct bulla_asked *asked);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* BULLA_H */
