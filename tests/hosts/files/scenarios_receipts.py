"""Receipts that are uploaded to another folder, under names that are made of what strangers called their files."""

from scenarios_hostile import queued
from servers import PutServer, Sshd, Vsftpd
from world import check, until

#: Of no name is any part a part of a URL, or of a command.
ODD = ["%2e%2e%2f%2e%2e%2fevil", "x%2f..%2f..%2fevil", "%2e%2e%2fimportant.txt%00", "important.txt#", "important.txt#x", "important.txt?", "important.txt?x=",
       "important.txt%23", "important.txt%00", "%0d%0aDELE important.txt%0d%0a", "a b", " lead", 'q"uo\'te', '" rm "important.txt', "-rf", "~", ";type=i",
       "{a,b}[1-9]", "100%", "\u00fc \u4e2d"]
#: Some server could take these for something else, whatever the URL says.
LEFT = ["line\r\nDELE important.txt\r\n", "line\nDELE important.txt", "back\\slash", "x\\..\\..\\evil", "tab\t", "delete\x7f"]


def tree(folder):
    return {str(one.relative_to(folder)) for one in folder.rglob("*")}


def spoils_nothing(world, receipts, url):
    """Copies of one genuine envelope under many names: each gets its receipt, in the folder of the receipts, and nothing else changes."""
    important = receipts / "important.txt"
    important.write_text("the minutes of the meeting")
    (receipts.parent / "evil.receipt").write_text("not yours")
    before = tree(world.path("deep"))
    file, envelope = queued(world)
    for name in (*ODD, *LEFT):
        world.path("drop", f"{name}.bulla").write_bytes(envelope.read_bytes())
    envelope.unlink()
    world.drop("--receipts", url, *world.access())
    left = sorted(f"{name}.bulla" for name in LEFT)
    wanted = {str((receipts / f"{name}.receipt").relative_to(world.path("deep"))) for name in ODD}
    # While it is uploaded it has another name.
    passing = {f"{name}.part" for name in wanted}

    def all_answered():
        found = tree(world.path("deep")) - before
        check(found <= wanted | passing, f"in other places, or of other names: {found - wanted}")
        check(important.read_text() == "the minutes of the meeting" and tree(world.path("deep")) >= before, "something was spoilt")
        check((receipts.parent / "evil.receipt").read_text() == "not yours", "something outside of the folder was spoilt")
        return world.names() == left and found == wanted

    until("the others are dealt with", all_answered, 60)
    check(len({(receipts / f"{name}.receipt").read_bytes() for name in ODD}) == 1, "they are not the same receipt")
    check(world.dropped().count("left alone") == len(LEFT), f"not said: {world.dropped()}")
    check(world.stored() == {"data.bin": file.read_bytes()}, "other content is stored")
    return (f"an envelope under {len(ODD)} names with %2f, #, ?, quotes and the like: each receipt under just that name, nothing else changed; "
            f"{len(LEFT)} with line ends or backslashes: left alone, and told")


def deep(world):
    receipts = world.path("deep", "er", "receipts")
    receipts.mkdir(parents=True)
    return receipts


def receipts_sftp(world):
    receipts = deep(world)
    return "sftp: " + spoils_nothing(world, receipts, Sshd(world).url(receipts))


def receipts_ftp(world):
    receipts = deep(world)
    server = Vsftpd(world, receipts)
    return "ftp: " + spoils_nothing(world, receipts, server.url())


def receipts_http(world):
    receipts = deep(world)
    server = PutServer(receipts)
    try:
        return "http: " + spoils_nothing(world, receipts, server.url())
    finally:
        server.close()


SCENARIOS = [receipts_sftp, receipts_ftp, receipts_http]
