#include "tracking/artifact_path.h"

#include <array>
#include <filesystem>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "core/file.h"
#include "storage/objects/object_key.h"

namespace tenure::tracking {
namespace {

TEST(SafeArtifactPath, KeepsPathsThatAreHarmless) {
  const std::pair<const char*, const char*> cases[] = {
      {"", ""},
      {"path", "path"},
      {"path/", "path"},
      {"path/to/file", "path/to/file"},
      {"./a", "a"},
      {"a//b/./c/", "a/b/c"},
      {".", ""},
      {"..a/b..", "..a/b.."},
      {"...", "..."},
      {"a b+c,d;e", "a b+c,d;e"},
      {"a%20b", "a b"},
      {"a%2520b", "a b"},
      {"caf%C3%A9", "caf\xc3\xa9"},
      {"dog%step%", "dog%step%"},
      {"100%", "100%"},
      {"%zz%1", "%zz%1"},
      {"c:x", "c:x"},
      {"images/dog+step+20+timestamp+100.png", "images/dog+step+20+timestamp+100.png"}};
  for (const auto& [path, expected] : cases) {
    const auto safe = safe_artifact_path(path);
    ASSERT_TRUE(safe) << path;
    EXPECT_EQ(*safe, expected) << path;
  }
}

TEST(SafeArtifactPath, RefusesPathsThatCouldLeaveTheRoot) {
  const auto bad = std::to_array<std::string>({"..",
                                               "../path",
                                               "../../path",
                                               "./../path",
                                               "path/../to/file",
                                               "path/../../to/file",
                                               "a/..",
                                               "/",
                                               "/path",
                                               "/etc/passwd",
                                               "/etc/passwd%00.jpg",
                                               "////proc/self/root",
                                               "%2E%2E/path",
                                               "%2e%2e%2fpath",
                                               "%252e%252e%252fpath",
                                               "%25252e%25252e%25252fetc",
                                               "%2fetc%2fpasswd",
                                               "a/%2e%2e/%2e%2e/b",
                                               "a%00b",
                                               std::string("a\0b", 3),
                                               "a\\..\\b",
                                               "..\\x",
                                               "a%5cb",
                                               "\\\\host\\share",
                                               "C:\\x",
                                               "C:/x",
                                               "./C:/x",
                                               "c%3A/x",
                                               "file:///etc/passwd",
                                               "file:/etc",
                                               "./file:/etc",
                                               "a#b",
                                               "a%23b",
                                               "bad\xff",
                                               "overlong%c0%ae%c0%ae/x"});
  for (const std::string& path : bad) {
    const auto safe = safe_artifact_path(path);
    ASSERT_FALSE(safe) << path << " gave " << *safe;
    EXPECT_EQ(safe.error().code, core::ErrorCode::kInvalidArgument) << path;
    EXPECT_EQ(safe.error().message, "Invalid path") << path;
  }
}

TEST(SafeArtifactPath, GivesUpOnAPathThatIsEncodedOverAndOver) {
  std::string path = "%2e";
  for (int i = 0; i < 1000; ++i) path.insert(1, "25");
  EXPECT_FALSE(safe_artifact_path(path));
}

/// Segments and separators from which dangerous paths are made, as often encoded as it takes.
rc::Gen<std::string> hostile_path() {
  const auto piece = rc::gen::element<std::string>(
      "..", ".", "/", "//", "\\", "a", "b c", "%", "%2e", "%2E%2e", "%2f", "%5c", "%252e", "%25",
      "2e", "#", "C:", "file:", "a", "/", "x", "%", "2", "caf\xc3\xa9", "%c3%a9", "%00", "\xff",
      "+", "...");
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(piece),
                      [](const std::vector<std::string>& pieces) {
                        std::string path;
                        for (const std::string& one : pieces) path += one;
                        return path;
                      });
}

RC_GTEST_PROP(SafeArtifactPath, GivesAKeyOrTheRootAndStaysTheSameWhenMadeSafeAgain, ()) {
  const std::string path = *hostile_path();
  const auto safe = safe_artifact_path(path);
  RC_CLASSIFY(safe.has_value(), "harmless");
  if (!safe) return;
  RC_ASSERT(safe->empty() || storage::check_object_key(safe->substr(0, 1000)).has_value());
  const std::filesystem::path joined =
      (std::filesystem::path("/artifacts") / *safe).lexically_normal();
  RC_ASSERT(joined == "/artifacts/" || joined.string().starts_with("/artifacts/"));
  RC_ASSERT(safe_artifact_path(*safe).value_or("?") == *safe);
}

RC_GTEST_PROP(SafeArtifactPath, OneMoreEncodingChangesNothing, ()) {
  const std::string path = *hostile_path();
  std::string encoded;
  for (const char c : path) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    encoded += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
  }
  const auto plain = safe_artifact_path(path);
  const auto again = safe_artifact_path(encoded);
  RC_ASSERT(plain.has_value() == again.has_value());
  if (plain) RC_ASSERT(*plain == *again);
}

TEST(SafeArtifactPath, ReplaysTheCorpus) {
  const auto folder = std::filesystem::path(__FILE__).parent_path() / "corpus" / "artifact_path";
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const auto bytes = core::read_file(entry.path());
    ASSERT_TRUE(bytes);
    const auto safe = safe_artifact_path(*bytes);
    EXPECT_TRUE(!safe || safe_artifact_path(*safe).value() == *safe) << entry.path();
    ++count;
  }
  EXPECT_GT(count, 3);
}

}  // namespace
}  // namespace tenure::tracking
