/* What the administrator says: a file of lines "name = value". */
#ifndef BULLA_MAIL_CONFIG_H
#define BULLA_MAIL_CONFIG_H

#include <stddef.h>
#include <stdint.h>

enum role { ROLE_NONE, ROLE_SEAL, ROLE_OPEN };
enum action { ACTION_REJECT, ACTION_QUARANTINE, ACTION_ACCEPT, ACTION_DISCARD };
enum local { LOCAL_NO_CASE, LOCAL_CASE };
enum mixed { MIXED_REFUSE, MIXED_SPLIT };
enum plain { PLAIN_ACCEPT, PLAIN_REFUSE_KNOWN, PLAIN_REFUSE };
enum kept { KEPT_NONE, KEPT_OTHERS, KEPT_ALL };

/* Strings live as long as the configuration. What the names mean, config.c says beside each. */
struct config {
    enum role role;
    char *socket, *control, *user, *identity, *passphrase_file, *keys, *context, *domain, *state, *guard, *submit, *address,
        *receipts_to, *subject, *confirm, *leave, *delimiter, *log;
    uint32_t receipts; /* BULLA_RECEIPT_... that is asked for; 0: none */
    uint64_t expires, deadline, resend_first, resend_longest, keep, lease, skew, max_message;
    enum action copies, refused, damaged, differing, recipients;
    enum local local_part;
    enum plain plain;
    enum mixed mixed;
    enum kept results; /* which Authentication-Results in the name of `domain` stay in what comes */
};

/* Reads a configuration file. NULL after it has said on the log what is wrong, and in which line. */
struct config *config_read(const char *path);
void config_free(struct config *config);

/* Whether the mail of an address is left sealed. LEFT_PERHAPS: the address without what follows the delimiter is in the list, and its
 * author's server may know of that or not. */
enum left { LEFT_NOT, LEFT_PERHAPS, LEFT };
enum left config_leaves(const struct config *config, const char *address);

#endif
