// Seals and opens content of any length in little memory: in pieces, both ways.
//
//     stream MEBIBYTES
//
// What a stream gives before its end is provisional: it goes to a place where nobody acts on it, and counts only when finish() has
// succeeded. That claims the message: so all of the content is written before. A store does all of this: see receipt.cpp.

#include <bulla.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

constexpr std::size_t piece = 64 * 1024;

/// A file that throws where it cannot be written: on a full disk, too.
std::ofstream made(const std::filesystem::path& path) {
    std::ofstream file(path, std::ios::binary);
    file.exceptions(std::ios::badbit | std::ios::failbit);
    return file;
}

void write(std::ofstream& file, bulla::buffer& bytes) {
    file.write(bytes.text().data(), static_cast<std::streamsize>(bytes.size()));
    bytes.clear(); // And use it again.
}

bulla::sent seal(const bulla::sealer& sealer, std::uint64_t length, std::ofstream file) {
    auto envelope = bulla::buffer::make().value();
    const auto draft = bulla::draft::make("example").value();
    auto stream = sealer.seal_stream(draft, length, envelope).value();
    const std::vector<std::uint8_t> content(piece, 'x');
    for (std::uint64_t done = 0; done < length; done += piece) {
        stream.update(content, envelope).value();
        write(file, envelope);
    }
    const auto sent = stream.finish(envelope).value();
    write(file, envelope);
    file.close();
    return sent;
}

bulla::message open(const bulla::opener& opener, std::ifstream file, const std::filesystem::path& aside) {
    auto provisional = made(aside);
    auto content = bulla::buffer::make().value();
    auto stream = opener.stream().value();
    std::vector<char> bytes(piece);
    while (file.read(bytes.data(), piece), file.gcount() > 0) {
        stream.update_provisional(bulla::bytes_view(bytes).part(0, static_cast<std::size_t>(file.gcount())), content).value();
        write(provisional, content);
    }
    if (!file.eof()) {
        throw std::runtime_error("the envelope cannot be read"); // Where reading fails is not where it ends.
    }
    stream.settle_provisional(content).value();
    write(provisional, content);
    provisional.close();
    return stream.finish(content).value(); // Throws if anything is wrong: then nothing of it counts.
}

void run(std::uint64_t length, const std::filesystem::path& folder) {
    const auto sender = bulla::identity::generate().value();
    const auto reader = bulla::identity::generate().value();
    auto sealer = bulla::sealer::make(sender).value();
    sealer.to(reader.public_identity().value()).value();
    const auto sent = seal(sealer, length, made(folder / "envelope"));

    auto policy = bulla::policy::make("example").value();
    policy.allow(sender.public_identity().value().key().value()).value();
    const auto opener = bulla::opener::make(reader, policy, bulla::guard::in_memory().value()).value();
    const auto message = open(opener, std::ifstream(folder / "envelope", std::ios::binary), folder / "content.part");

    std::filesystem::rename(folder / "content.part", folder / "content");
    std::cout << message.content_length() << " bytes, "
              << (message.content_digest().value() == bulla::digest(sent.content_digest) ? "as sent" : "NOT as sent") << '\n';
}

} // namespace

int main(int count, char** arguments) {
    const auto folder = std::filesystem::temp_directory_path() / ("bulla-stream-" + std::to_string(std::random_device()()));
    try {
        std::filesystem::create_directory(folder);
        run(std::strtoull(count > 1 ? arguments[1] : "16", nullptr, 10) << 20U, folder);
        std::filesystem::remove_all(folder);
        return 0;
    } catch (const std::exception& error) {
        std::cerr << "stream: " << error.what() << '\n';
        std::filesystem::remove_all(folder);
        return 1;
    }
}
