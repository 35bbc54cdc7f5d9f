/* How an envelope or a receipt travels in a mail, and how it is found again after relays had their hands on it. */
#ifndef BULLA_MAIL_MIME_H
#define BULLA_MAIL_MIME_H

#include "header.h"
#include "text.h"

#define TYPE_ENVELOPE "application/vnd.bulla.envelope"
#define TYPE_ADDRESSEES "application/vnd.bulla.addressees"
#define TYPE_RECEIPT "application/vnd.bulla.receipt"

/* The value of Content-Type, and the body that goes with it: words for people, the part, and one with the lists of addressees if
 * there are any. Both are made of what they carry alone, so that two of the same are the same. */
void mime_type_write(struct text *out, const uint8_t *bytes, size_t length);
void mime_body_write(struct text *out, const char *type, const uint8_t *bytes, size_t length, const struct text *addressees,
                     const char *end);

/* Finds the part of a type in a body (or the whole body, if `header` says that it is one), and decodes it. 1 if it is there; 0 if
 * there is none; -1 if there is one that cannot be decoded, or no memory (errno is ENOMEM). It goes through the body once. */
int mime_find(struct text *out, const char *type, const struct header *header, const char *body, size_t length);

/* Whether a message is nothing but what mime_body_write() makes, with nothing beside it in clear, and what it carries. 1, 0, or -1
 * for want of memory. */
int mime_is_alone(const char *type, const struct header *header, const char *body, size_t length, struct text *bytes,
                  struct text *addressees);

#endif
