// Seals a file to somebody, and writes the envelope. What comes of it is read by open.cpp.
//
//     seal KEY-FILE                                     prints the identity line of its owner, to be given to others
//     seal KEY-FILE RECIPIENT-LINE INPUT OUTPUT
//
// KEY-FILE is made if there is none.

#include <bulla.hpp>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>
#include <string>

namespace {

std::string read(const char* path) {
    std::ifstream file(path, std::ios::binary);
    file.exceptions(std::ios::badbit);
    if (!file) {
        throw std::runtime_error(std::string("cannot read ") + path);
    }
    return std::string(std::istreambuf_iterator<char>(file), {});
}

bulla::identity own(const char* path) {
    if (std::filesystem::exists(path)) {
        return bulla::identity::load(path).value();
    }
    auto identity = bulla::identity::generate().value();
    identity.save(path, std::nullopt).value(); // Give a passphrase instead of std::nullopt to protect it.
    return identity;
}

void seal(const char* key_file, const char* recipient, const char* input, const char* output) {
    auto sealer = bulla::sealer::make(own(key_file)).value();
    sealer.to(bulla::public_identity::parse(recipient).value()).value();

    // The context names the application: an envelope made for another one is refused.
    auto draft = bulla::draft::make("example").value();
    draft.attribute("name", std::filesystem::path(input).filename().string()).value();
    draft.expires_in(7 * 24 * 3600).value();

    const auto sealed = sealer.seal(draft, read(input)).value();
    std::ofstream file(output, std::ios::binary);
    file << sealed.envelope.text() << std::flush;
    if (!file) {
        throw std::runtime_error(std::string("cannot write ") + output);
    }
}

} // namespace

int main(int count, char** arguments) {
    if (count != 2 && count != 5) {
        std::cerr << "usage: seal KEY-FILE [RECIPIENT-LINE INPUT OUTPUT]\n";
        return 1;
    }
    try {
        if (count == 2) {
            std::cout << own(arguments[1]).public_identity().value().line().value() << '\n';
        } else {
            seal(arguments[1], arguments[2], arguments[3], arguments[4]);
        }
        return 0;
    } catch (const bulla::error& error) {
        std::cerr << "seal: " << error.name() << ": " << error.what() << '\n';
    } catch (const std::exception& error) {
        std::cerr << "seal: " << error.what() << '\n';
    }
    return 1;
}
