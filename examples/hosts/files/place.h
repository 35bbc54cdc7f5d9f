/* A file in a folder on the other side, as the URL of the folder names it. */
#ifndef FILES_PLACE_H
#define FILES_PLACE_H

enum { LONGEST = 4096 };
enum scheme { SFTP, FTP, LOCAL, HTTP, UNKNOWN };

struct place {
    enum scheme scheme;
    char url[LONGEST];
    char folder_url[LONGEST];
    char folder[LONGEST]; /* as the server names it, with a slash at its end */
};

/* NULL, or why no file on the other side can have this name: a server could take it for another one. */
const char *place_refuses(const char *name);
/* NULL, or else what is wrong with the URL of the folder, or with the name, which may be a stranger's. */
const char *place_find(const char *folder, const char *name, struct place *place);

#endif
