#include "core/id.h"

#include <array>
#include <cstring>
#include <set>
#include <thread>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/random.h>
#include <sys/wait.h>

#include "core/nearest.h"
#include "core/sha256.h"

namespace {

thread_local std::uint64_t entropy_calls = 0;
thread_local std::array<unsigned char, 16> last_entropy{};

}  // namespace

/// Stands before the system's in this program, and shows what it gave.
extern "C" int getentropy(void* buffer, std::size_t length) {
  if (::getrandom(buffer, length, 0) != static_cast<ssize_t>(length)) return -1;
  if (length == last_entropy.size()) {
    ++entropy_calls;
    std::memcpy(last_entropy.data(), buffer, length);
  }
  return 0;
}

namespace tenure::core {
namespace {

bool has_uuid_shape(const std::string& id, char version) {
  if (id.size() != 36) return false;
  for (std::size_t i = 0; i < id.size(); ++i) {
    const bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
    const bool is_hex = std::string_view("0123456789abcdef").find(id[i]) != std::string_view::npos;
    if (is_dash ? id[i] != '-' : !is_hex) return false;
  }
  return id[14] == version && std::string_view("89ab").find(id[19]) != std::string_view::npos;
}

TEST(Ids, HaveTheirShapes) {
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(has_uuid_shape(uuid_v7(1'700'000'000'000'000), '7'));
    const std::string hex = random_hex_id();
    EXPECT_EQ(hex.size(), 32u);
    EXPECT_EQ(hex.find_first_not_of("0123456789abcdef"), std::string::npos);
  }
}

TEST(RandomHexId, IsTheSystemsRandomBytes) {
  for (int i = 0; i < 3; ++i) {
    const std::uint64_t before = entropy_calls;
    const std::string id = random_hex_id();
    EXPECT_EQ(entropy_calls, before + 1);
    std::string expected;
    for (const unsigned char byte : last_entropy) expected += fmt::format("{:02x}", byte);
    EXPECT_EQ(id, expected);
  }
}

TEST(UuidV7, BeginsWithTheMilliseconds) {
  // The time of RFC 9562, appendix A.6.
  EXPECT_EQ(uuid_v7(0x017F22E279B0LL * 1000).substr(0, 15), "017f22e2-79b0-7");
}

TEST(UuidV7, SortsByTime) {
  std::string last = uuid_v7(0);
  for (Micros time = 1000; time < 5'000'000'000'000'000; time = time * 3 + 1000) {
    const std::string id = uuid_v7(time);
    EXPECT_LT(last, id);
    last = id;
  }
}

TEST(Ids, AreDifferentOnAllThreads) {
  std::vector<std::vector<std::string>> made(4);
  std::vector<std::thread> threads;
  for (auto& ids : made) {
    threads.emplace_back([&ids] {
      for (int i = 0; i < 2000; ++i) ids.push_back(random_hex_id());
    });
  }
  for (auto& thread : threads) thread.join();
  std::set<std::string> all;
  for (const auto& ids : made) all.insert(ids.begin(), ids.end());
  EXPECT_EQ(all.size(), 8000u);
}

TEST(Ids, OfAForkedProcessAreItsOwn) {
  const std::string before = random_hex_id();
  int pipe_ends[2];
  ASSERT_EQ(::pipe(pipe_ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string id = random_hex_id();
    ::_exit(::write(pipe_ends[1], id.data(), id.size()) == 32 ? 0 : 1);
  }
  std::string of_child(32, '0');
  ASSERT_EQ(::read(pipe_ends[0], of_child.data(), of_child.size()), 32);
  ::waitpid(child, nullptr, 0);
  ::close(pipe_ends[0]);
  ::close(pipe_ends[1]);
  EXPECT_NE(of_child, random_hex_id());
  EXPECT_NE(of_child, before);
}

TEST(Sha256, GivesTheDigestsOfTheStandard) {
  // FIPS 180-2, appendix B.
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  Sha256 pieces;
  pieces.update("a");
  pieces.update("");
  pieces.update("bc");
  EXPECT_EQ(pieces.hex(), sha256_hex("abc"));
}

TEST(Nearest, FindsTheLikelyMeaning) {
  const std::vector<std::string> names = {"port", "host", "TotalCharges", "threads"};
  EXPECT_EQ(nearest("prot", names), "port");
  EXPECT_EQ(nearest("totalcharges", names), "TotalCharges");
  EXPECT_EQ(nearest("thread", names), "threads");
  EXPECT_EQ(nearest("zzzz", names), "");
  EXPECT_EQ(nearest("", names), "");
  EXPECT_EQ(nearest("x", {}), "");
  EXPECT_EQ(did_you_mean("prot", names), " (did you mean 'port'?)");
  EXPECT_EQ(did_you_mean("zzzz", names), "");
}

TEST(EditDistance, CountsEdits) {
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("abc", "abc"), 0u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(edit_distance("ab", "ba"), 1u);
}

}  // namespace
}  // namespace tenure::core
