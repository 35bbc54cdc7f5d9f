// Settles with a receipt what send.cpp sent, and tells what nobody answered in time. As examples/c/settle.c.
//
//     settle DATABASE KEYFILE < receipt
//     settle DATABASE                      only tells; from time to time, for where no receipt comes nobody else does
//
// Exit status: 0 settled; 2 no receipt for this key; 3 refused, or the recipient rejected the message; 4 try again later; 1 anything
// else.

#include <bulla.hpp>

#include <cstdio>
#include <ctime>
#include <iostream>
#include <stdexcept>
#include <string>

namespace {

const char* name(bulla::outbox_state state) {
    switch (state) {
    case bulla::outbox_state::settled:
        return "settled";
    case bulla::outbox_state::rejected:
        return "rejected";
    case bulla::outbox_state::given_up:
        return "given up";
    case bulla::outbox_state::waiting:
        break;
    }
    return "waiting";
}

void show(const bulla::outbox_entry& entry) { std::cout << name(entry.state) << ": " << entry.told << '\n'; }

/// Each is told once, and is a failure that somebody is to hear of.
void give_up(const bulla::outbox& outbox) {
    for (const auto& failed : outbox.give_up(static_cast<std::uint64_t>(std::time(nullptr))).value()) {
        std::cout << "given up: what was sent " << failed.attempts << " times in the context " << failed.context << '\n';
    }
}

/// The receipt is opened and checked: it is the recipient's, and about what is in the outbox. It may come again, and changes nothing then.
int settle(const bulla::outbox& outbox, const char* key_file) {
    const auto author = bulla::identity::load(key_file).value();
    std::string receipt(65536, '\0'); // Far more than one has.
    receipt.resize(std::fread(receipt.data(), 1, receipt.size(), stdin));
    if (std::ferror(stdin) != 0) {
        throw std::runtime_error("standard input cannot be read");
    }
    const auto entry = outbox.settle(author, receipt).value().entry().value();
    show(entry);
    return entry.state == bulla::outbox_state::rejected ? BULLA_CLASS_REFUSED : 0;
}

int run(int count, char** arguments) {
    const auto outbox = bulla::outbox::make(bulla::database::open_existing(arguments[1]).value()).value();
    int result = 0;
    try {
        result = count == 3 ? settle(outbox, arguments[2]) : 0;
    } catch (...) {
        give_up(outbox); // Also after what is no receipt.
        throw;
    }
    give_up(outbox);
    std::cout << std::flush;
    return std::cout ? result : 1; // What was settled stays so; a receipt may be given again.
}

} // namespace

int main(int count, char** arguments) {
    if (count != 2 && count != 3) {
        std::cerr << "usage: settle DATABASE [KEYFILE < receipt]\n";
        return 1;
    }
    try {
        return run(count, arguments);
    } catch (const bulla::error& error) {
        std::cerr << "settle: " << error.name() << ": " << error.what() << '\n';
        return static_cast<int>(bulla_status_class(error.code()));
    } catch (const std::exception& error) {
        std::cerr << "settle: " << error.what() << '\n';
        return 1;
    }
}
