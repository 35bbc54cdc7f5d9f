// Settles with a receipt what send.cpp sent, and tells what nobody answered in time. As examples/c/settle.c.
//
//     settle DATABASE KEYFILE < receipt
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

int settle(const char* database, const char* key_file) {
    const auto outbox = bulla::outbox::make(bulla::database::open_existing(database).value()).value();
    const auto author = bulla::identity::load(key_file).value();
    std::string receipt(65536, '\0'); // Far more than one has.
    receipt.resize(std::fread(receipt.data(), 1, receipt.size(), stdin));
    if (std::ferror(stdin) != 0) {
        throw std::runtime_error("standard input cannot be read");
    }

    // Opened and checked: it is the recipient's, and about what is in the outbox. It may come again, and changes nothing then.
    const auto entry = outbox.settle(author, receipt).value().entry().value();
    show(entry);
    // Each is told once, and is a failure that somebody is to hear of.
    for (const auto& failed : outbox.give_up(static_cast<std::uint64_t>(std::time(nullptr))).value()) {
        show(failed);
    }
    std::cout << std::flush;
    if (!std::cout) {
        return 1; // What was settled stays so; a receipt may be given again.
    }
    return entry.state == bulla::outbox_state::rejected ? BULLA_CLASS_REFUSED : 0;
}

} // namespace

int main(int count, char** arguments) {
    if (count != 3) {
        std::cerr << "usage: settle DATABASE KEYFILE < receipt\n";
        return 1;
    }
    try {
        return settle(arguments[1], arguments[2]);
    } catch (const bulla::error& error) {
        std::cerr << "settle: " << error.name() << ": " << error.what() << '\n';
        return static_cast<int>(bulla_status_class(error.code()));
    } catch (const std::exception& error) {
        std::cerr << "settle: " << error.what() << '\n';
        return 1;
    }
}
