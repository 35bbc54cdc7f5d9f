/* The key table: who has which identity, and who is written to in clear because the administrator said so.
 *
 *     bob@b.test    bulla1...              one address
 *     @b.test       /etc/bulla/b.pub       everybody else of a domain; the file holds the identity line
 *     @c.test       clear                  nobody there has a key, and mail to them is not sealed
 *     eve@b.test    /etc/bulla/eve.pub alone
 *
 * Mail to an address is sealed to the key of its own line, or else to that of its domain. Who signs for it is another question: the
 * server of a domain seals whatever leaves it, so the key of the domain signs for each address there, also for one with a key of its
 * own, which may sign, too. With "alone" that key alone does.
 */
#ifndef BULLA_MAIL_KEYS_H
#define BULLA_MAIL_KEYS_H

#include <bulla.h>

enum found { FOUND_NOTHING, FOUND_KEY, FOUND_CLEAR };

struct keys;

/* Reads a key table. NULL after it has said on the log what is wrong, and in which line. `delimiter` as in the configuration, or NULL. */
struct keys *keys_read(const char *path, const char *delimiter);
void keys_free(struct keys *keys);

/* The line of an address, however it is spelt, else that of its domain. `identity` belongs to the table. */
enum found keys_find(const struct keys *keys, const char *address, const bulla_public **identity, bulla_key *key);
/* Whether what an author of this address writes is sealed: he has a key, or his domain. Here "clear" counts for what the delimiter makes
 * of his mailbox, too: whose mail comes in clear writes so under each of his addresses. */
int keys_seal(const struct keys *keys, const char *address);
/* Whether this key signs for the address: 1; 0 if nobody is known who does; -1 if only others do. */
int keys_sign(const struct keys *keys, const char *address, const bulla_key *signer);

/* Accepts everybody in the table as a sender. */
bulla_status keys_allow(const struct keys *keys, bulla_policy *policy, bulla_error *error);

#endif
