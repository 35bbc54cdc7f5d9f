// Sends with a receipt asked for: what awaits one stands in an outbox, in a file. As examples/c/send.c; settle.cpp takes the receipt.
//
//     send DATABASE KEYFILE RECIPIENT CONTEXT < content > envelope     seals it, puts it into the outbox, and gives it
//     send DATABASE > envelope                                         gives what is due: what was not sent, or has no answer yet

#include <bulla.hpp>

#include <cstdio>
#include <ctime>
#include <iostream>
#include <stdexcept>
#include <string>

namespace {

constexpr std::uint64_t within = 3 * 24 * 3600; // Seconds in which it is to be there, and answered.

std::uint64_t now() { return static_cast<std::uint64_t>(std::time(nullptr)); }

/// All of standard input; throws where it cannot be read, which a stream does not tell.
std::string input() {
    std::string bytes;
    char piece[65536];
    for (std::size_t length = 0; (length = std::fread(piece, 1, sizeof piece, stdin)) > 0;) {
        bytes.append(piece, length);
    }
    if (std::ferror(stdin) != 0) {
        throw std::runtime_error("standard input cannot be read");
    }
    return bytes;
}

bulla::due_list put(const bulla::outbox& outbox, char** arguments) {
    const auto own = bulla::identity::load(arguments[2]).value();
    const auto recipient = bulla::public_identity::parse(arguments[3]).value();
    const auto content = input(); // Half a letter, sealed, would be an authentic half.

    auto sealer = bulla::sealer::make(own).value();
    sealer.to(recipient).value();
    auto draft = bulla::draft::make(arguments[4]).value();
    draft.expires_in(within).value();
    draft.ask_receipts(bulla::receipts::stored | bulla::receipts::rejected, own.public_identity().value()).value();
    const auto sealed = sealer.seal(draft, content).value();
    const auto letter = bulla::letter::make(sealed.sent, arguments[4], {recipient.key().value()}, now() + within).value();
    outbox.put(letter, sealed.envelope, now()).value();
    return outbox.take(sealed.sent.header_digest, now()).value();
}

/// Marked as sent only when it is: a process that is killed in between sends it again, which does no harm.
int give(const bulla::outbox& outbox, const bulla::due_list& due) {
    if (due.size() == 0) {
        std::cerr << "send: nothing is due\n";
        return BULLA_CLASS_ANSWER;
    }
    const auto envelope = outbox.envelope(due.at(0)->header_digest).value();
    std::cout << envelope.text() << std::flush;
    if (!std::cout) {
        std::cerr << "send: the envelope cannot be written\n";
        return BULLA_CLASS_USAGE;
    }
    outbox.mark_sent(due, 0, now()).value();
    return 0;
}

} // namespace

int main(int count, char** arguments) {
    if (count != 2 && count != 5) {
        std::cerr << "usage: send DATABASE [KEYFILE RECIPIENT CONTEXT]\n";
        return 1;
    }
    try {
        const auto outbox = bulla::outbox::make(bulla::database::open(arguments[1]).value()).value();
        return give(outbox, count == 5 ? put(outbox, arguments) : outbox.due(now(), 1).value());
    } catch (const bulla::error& error) {
        std::cerr << "send: " << error.name() << ": " << error.what() << '\n';
        return static_cast<int>(bulla_status_class(error.code()));
    } catch (const std::exception& error) {
        std::cerr << "send: " << error.what() << '\n';
        return 1;
    }
}
