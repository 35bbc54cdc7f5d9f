// One of the parties of tests/exchange/run, in C++ over the installed library. What it can do: see exchange.c.
#include <bulla.hpp>

#include <stdexcept>
#include <fstream>
#include <iostream>
#include <iterator>

namespace {

constexpr std::string_view CONTEXT = "exchange";

std::string input() { return {std::istreambuf_iterator<char>(std::cin), {}}; }

bulla::policy accepting(const bulla::public_identity& sender) {
    auto policy = bulla::policy::make(CONTEXT).value();
    policy.allow(sender).value();
    return policy;
}

bulla::opener opening(const bulla::identity& self, const bulla::public_identity& sender) {
    return bulla::opener::make(self, accepting(sender), bulla::guard::in_memory().value()).value();
}

void keygen(const std::string& file) {
    const auto identity = bulla::identity::generate().value();
    identity.save(file, std::nullopt).value();
    std::cout << identity.public_identity().value().line().value() << '\n';
}

void seal(const bulla::identity& self, const bulla::public_identity& recipient, const std::string& file) {
    auto sealer = bulla::sealer::make(self).value();
    sealer.to(recipient).value();
    auto draft = bulla::draft::make(CONTEXT).value();
    draft.ask_receipts(bulla::receipts::delivered | bulla::receipts::stored, self.public_identity().value()).value();
    const auto sealed = sealer.seal(draft, input()).value();
    const bulla_sent& sent = sealed.sent; // Plain data.
    std::ofstream(file, std::ios::binary).write(reinterpret_cast<const char*>(&sent), sizeof sent);
    std::cout << sealed.envelope.text();
}

void receipt(const bulla::identity& self, const bulla::public_identity& sender) {
    auto outcome = opening(self, sender).open_leased(input(), 60).value();
    auto& lease = std::get<bulla::reserved>(outcome).lease;
    std::cout << bulla::receipter::make(self).value().accept(lease).value().receipt().text();
}

void settle(const bulla::identity& self, const bulla::public_identity& recipient, const std::string& file) {
    bulla_sent sent{};
    std::ifstream(file, std::ios::binary).read(reinterpret_cast<char*>(&sent), sizeof sent);
    const auto opened = bulla::receipt::open(self, accepting(recipient), input()).value();
    static_cast<void>(opened.check(sent).value());
    const bool stored = opened.status() == bulla::receipt_status::stored;
    std::cout << (stored ? "stored" : opened.status() == bulla::receipt_status::delivered ? "delivered" : "neither") << '\n';
}

void run(const std::vector<std::string>& words) {
    if (words.at(1) == "keygen") {
        keygen(words.at(2));
        return;
    }
    const auto self = bulla::identity::load(words.at(2)).value();
    const auto other = bulla::public_identity::parse(words.at(3)).value();
    if (words.at(1) == "seal") {
        seal(self, other, words.at(4));
    } else if (words.at(1) == "open") {
        std::cout << opening(self, other).open(input()).value().content.text();
    } else if (words.at(1) == "receipt") {
        receipt(self, other);
    } else if (words.at(1) == "settle") {
        settle(self, other, words.at(4));
    } else {
        throw std::invalid_argument(words.at(1));
    }
}

} // namespace

int main(int count, char** words) {
    try {
        run({words, words + count});
        return std::cout.flush() ? 0 : 1;
    } catch (const std::exception& error) {
        std::cerr << "exchange: " << error.what() << '\n';
        return 1;
    }
}
