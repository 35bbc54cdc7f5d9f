/* To whom a mail may go, under its author's signature: README.md has the format.
 *
 * An envelope says to which keys it is sealed, and not for which addresses: whoever carries it could give it to another address of
 * the same key. So with each mail goes a list of addressees for each key, sealed to that key alone: others do not see who gets a
 * blind copy. */
#ifndef BULLA_MAIL_ADDRESSEES_H
#define BULLA_MAIL_ADDRESSEES_H

#include "host.h"
#include "mail.h"

#define MOST_ADDRESSEES 1000
#define ATTRIBUTE_MESSAGE "message" /* which mail a list is of: its message id, and the digest of its content */
#define MESSAGE_LENGTH (sizeof(bulla_message_id) + sizeof(bulla_digest))

/* The list that is sealed to us. `readers` are the addresses as reader_of() writes them, sorted, each once: by these names the guard
 * knows who has had the mail. */
struct addressees {
    bulla_key signer;
    uint8_t message[MESSAGE_LENGTH];
    struct text sealed;
    char **readers;
    size_t count;
};
void addressees_free(struct addressees *addressees);

/* An address as it is compared: the same for those that are the same mailbox (settings local_part and delimiter). 0, or -1. */
int reader_of(const struct config *config, const char *address, struct text *reader);
int addressees_name(const struct addressees *addressees, const char *reader);

/* Sealing: the list of the addresses, one on each line, of the message that was sent. `before`: as it was sealed then, for the same
 * message once more; or NULL. */
bulla_status addressees_seal(const struct host *host, const bulla_public *identity, const struct text *lines, const bulla_sent *sent,
                             const bulla_sent *before, bulla_buffer *sealed, bulla_sent *list_sent, bulla_error *error);
/* Puts one list beside others into what travels. */
void addressees_pack(struct text *packed, const uint8_t *sealed, size_t length);

/* Opening: finds the list that is for us in a mail. 0; or -1, and the outcome says why there is none. */
int addressees_find(const struct host *host, const struct mail *mail, const struct text *envelope, struct addressees *found,
                    struct outcome *outcome);
/* Reads a list that was found before. */
bulla_status addressees_open(const struct host *host, const uint8_t *sealed, size_t length, struct addressees *found, bulla_error *error);
/* Whether the list is of the message of this stamp, by the same signer; and, besides, of this content. 1, 0, or -1 if that cannot be
 * told now. */
int addressees_fit(const struct addressees *addressees, const bulla_stamp *stamp);
int addressees_are_of(const struct addressees *addressees, const bulla_stamp *stamp, const uint8_t *content, size_t length);
/* What is done with a mail to those whom its author did not name. 1 if the administrator accepts it, else 0 and the outcome. */
int misaddressed_is_fine(const struct host *host, const char *why, struct outcome *outcome);

/* What a failure to open means. */
void refuse(const struct host *host, bulla_status status, const char *why, struct outcome *outcome);

/* Reserves the mail for one of its addressees, as bulla_open_leased(). It is the list that is reserved, under his name: it is short. */
bulla_status addressee_lease(const struct host *host, const struct addressees *addressees, const char *reader, uint64_t seconds,
                             bulla_lease **lease, bulla_answer **again, bulla_error *error);

#endif
