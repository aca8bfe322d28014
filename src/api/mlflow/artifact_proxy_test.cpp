#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "api/mlflow/test_artifacts.h"
#include "core/file.h"

namespace tenure::api::mlflow {
namespace {

namespace fs = std::filesystem;
using net::Method;

constexpr std::string_view kFiles = "/api/2.0/mlflow-artifacts/artifacts";

class ArtifactProxy : public ::testing::Test {
 protected:
  static std::string at(std::string_view path) { return fmt::format("{}/{}", kFiles, path); }
  std::string on_disk(std::string_view path) const {
    return core::read_file(server_.folder() / "artifacts" / path).value_or("(none)");
  }
  std::string list(std::string_view path = {}) const {
    return files_.get(path.empty() ? std::string(kFiles) : fmt::format("{}?path={}", kFiles, path))
        .body;
  }

  TestMlflow server_{{artifact_routes}};
  TestArtifacts files_{server_.services()};
};

TEST_F(ArtifactProxy, KeepsFilesAtTheirPathsOneToOne) {
  const auto stored = files_.put(at("a.txt"), "0");
  EXPECT_EQ(stored.status, 200);
  EXPECT_EQ(stored.body, "{}");
  ASSERT_EQ(files_.put(at("dir/b.txt"), "1").status, 200);
  EXPECT_EQ(on_disk("a.txt"), "0");
  EXPECT_EQ(on_disk("dir/b.txt"), "1");
  EXPECT_EQ(files_.get(at("a.txt")).body, "0");
  EXPECT_EQ(files_.get("/ajax-api/2.0/mlflow-artifacts/artifacts/dir/b.txt").body, "1");
  EXPECT_EQ(
      list(),
      R"({"files":[{"path":"a.txt","is_dir":false,"file_size":1},{"path":"dir","is_dir":true}]})");
  EXPECT_EQ(list("dir"), R"({"files":[{"path":"b.txt","is_dir":false,"file_size":1}]})");
  EXPECT_EQ(list("dir/b.txt"), "{}");
  EXPECT_EQ(list("nothing"), "{}");
  ASSERT_EQ(files_.put(at("a.txt"), "new").status, 200);
  EXPECT_EQ(on_disk("a.txt"), "new");
}

TEST_F(ArtifactProxy, SendsAFileWithItsTypeNameAndSize) {
  struct Case {
    std::string_view name, type, disposition;
  };
  const Case cases[] = {
      {"a.txt", "text/plain", "attachment; filename=a.txt"},
      {"m.json", "text/plain", "attachment; filename=m.json"},
      {"b.pkl", "application/octet-stream", "attachment; filename=b.pkl"},
      {"c.PNG", "image/png", "attachment; filename=c.PNG"},
      {"d.pdf", "application/pdf", "attachment; filename=d.pdf"},
      {"page.html", "text/html", "attachment; filename=page.html"},
      {"MLmodel", "text/plain", "attachment; filename=MLmodel"},
      {"mlproject", "text/plain", "attachment; filename=mlproject"},
      {"noextension", "application/octet-stream", "attachment; filename=noextension"},
      {"a+b+20.png", "image/png", "attachment; filename=a+b+20.png"},
      {"two%20words.csv", "text/plain", "attachment; filename=\"two words.csv\""},
      {"caf%C3%A9.svg", "image/svg+xml",
       "attachment; filename=\"caf__.svg\"; filename*=UTF-8''caf%C3%A9.svg"},
      {"q%22q.txt", "text/plain", "attachment; filename=\"q\\\"q.txt\""},
      {"line%0d%0aX-Bad:%201.txt", "text/plain",
       "attachment; filename=\"line__X-Bad: 1.txt\"; "
       "filename*=UTF-8''line%0D%0AX-Bad%3A%201.txt"}};
  for (const Case& one : cases) {
    const std::string target = at("dir/" + std::string(one.name));
    ASSERT_EQ(files_.put(target, "12345").status, 200) << one.name;
    // What the client says it would like does not matter.
    const auto sent = files_.get(target, {{"Accept", "text/html"}});
    EXPECT_EQ(sent.status, 200) << one.name;
    EXPECT_EQ(sent.body, "12345") << one.name;
    EXPECT_EQ(sent.content_type, one.type) << one.name;
    EXPECT_EQ(files_.header(sent, "Content-Disposition"), one.disposition);
    EXPECT_EQ(files_.header(sent, "X-Content-Type-Options"), "nosniff");
    ASSERT_TRUE(sent.source);
    EXPECT_EQ(sent.source->size(), 5U);
  }
}

TEST_F(ArtifactProxy, SendsPartsAndNothingWhereThatIsEnough) {
  ASSERT_EQ(files_.put(at("f"), "0123456789").status, 200);
  const auto whole = files_.get(at("f"));
  const std::string etag = files_.header(whole, "ETag");
  EXPECT_EQ(files_.header(whole, "Accept-Ranges"), "bytes");
  const auto part = files_.get(at("f"), {{"Range", "bytes=2-4"}});
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, "234");
  EXPECT_EQ(files_.header(part, "Content-Range"), "bytes 2-4/10");
  EXPECT_EQ(files_.get(at("f"), {{"Range", "bytes=-3"}}).body, "789");
  EXPECT_EQ(files_.get(at("f"), {{"Range", "bytes=10-"}}).status, 416);
  const auto unchanged = files_.get(at("f"), {{"If-None-Match", etag}});
  EXPECT_EQ(unchanged.status, 304);
  EXPECT_FALSE(unchanged.source);
  ASSERT_EQ(files_.put(at("f"), "abcdefghij").status, 200);
  EXPECT_EQ(files_.get(at("f"), {{"If-None-Match", etag}}).body, "abcdefghij");
  EXPECT_EQ(files_.get(at("f"), {{"If-Range", etag}, {"Range", "bytes=2-4"}}).body, "abcdefghij");
  EXPECT_EQ(files_.get(at("f"), {{"If-Match", etag}}).status, 412);
}

TEST_F(ArtifactProxy, TakesEmptyFilesManyFilesAndForeignNames) {
  ASSERT_EQ(files_.put(at("empty"), "").status, 200);
  const auto empty = files_.get(at("empty"));
  EXPECT_EQ(empty.status, 200);
  EXPECT_EQ(empty.body, "");
  ASSERT_EQ(files_.put(at("%E6%97%A5%E6%9C%AC/%F0%9F%98%80.bin"), "x").status, 200);
  EXPECT_EQ(on_disk("\xe6\x97\xa5\xe6\x9c\xac/\xf0\x9f\x98\x80.bin"), "x");
  EXPECT_EQ(list("%E6%97%A5%E6%9C%AC"),
            "{\"files\":[{\"path\":\"\xf0\x9f\x98\x80.bin\",\"is_dir\":false,\"file_size\":1}]}");
  fs::create_directories(server_.folder() / "artifacts/many");
  for (int i = 0; i < 3000; ++i)
    std::ofstream(server_.folder() / "artifacts/many" / fmt::format("{:05}", i)) << i;
  const core::Json many = TestMlflow::json(files_.get(fmt::format("{}?path=many", kFiles)));
  ASSERT_EQ(many.at("files").as_array().size(), 3000U);
  EXPECT_EQ(many.at("files").as_array()[2999].at("path").as_string(), "02999");
}

TEST_F(ArtifactProxy, RemovesFilesAndFolders) {
  for (const std::string_view path : {"run/a", "run/b/c", "other"})
    ASSERT_EQ(files_.put(at(path), "x").status, 200);
  const auto removed = files_.send(Method::kDelete, at("run"));
  EXPECT_EQ(removed.status, 200);
  EXPECT_EQ(removed.body, "{}");
  EXPECT_EQ(files_.send(Method::kDelete, at("run")).status, 200) << "again";
  EXPECT_EQ(list(), R"({"files":[{"path":"other","is_dir":false,"file_size":1}]})");
  EXPECT_EQ(files_.send(Method::kDelete, at(".")).status, 400) << "not all at once";
  EXPECT_EQ(on_disk("other"), "x");
}

TEST_F(ArtifactProxy, TellsWhatIsMissing) {
  const auto missing = files_.get(at("dir/x.bin"));
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(
      TestMlflow::error(missing),
      "RESOURCE_DOES_NOT_EXIST: The following failures occurred while downloading one or more "
      "artifacts from mlflow-artifacts:/:\n##### File dir/x.bin #####\nNo such artifact: "
      "'dir/x.bin'");
  ASSERT_EQ(files_.put(at("dir/y"), "x").status, 200);
  EXPECT_EQ(files_.get(at("dir")).status, 404) << "a folder is no file";
  EXPECT_EQ(files_.get(at(".")).status, 404);
}

TEST_F(ArtifactProxy, AFileIsNoFolder) {
  ASSERT_EQ(files_.put(at("a"), "x").status, 200);
  const auto below = files_.put(at("a/b"), "y");
  EXPECT_EQ(below.status, 409);
  EXPECT_NE(below.body.find("'a' is an object, not a folder"), std::string::npos) << below.body;
  ASSERT_EQ(files_.put(at("d/e"), "y").status, 200);
  EXPECT_EQ(files_.put(at("d"), "y").status, 409);
  EXPECT_EQ(on_disk("a"), "x");
}

TEST_F(ArtifactProxy, NoPathLeavesTheRoot) {
  std::ofstream(server_.folder() / "secret") << "secret";
  for (const std::string_view path :
       {"../secret", "%2e%2e/secret", "%2e%2e%2fsecret", "%252e%252e%252fsecret", "a/../../secret",
        "a/%2e%2e/%2e%2e/secret", "..%5csecret", "..\\secret", "/etc/passwd", "%2fetc%2fpasswd",
        "a%00b", "a%2500b", "C:%5cx", "C:/x", "file:///etc/passwd", "%66ile:/etc/passwd", "a%23b",
        "%ff", "%c0%ae%c0%ae/secret"}) {
    for (const Method method : {Method::kGet, Method::kPut, Method::kDelete}) {
      const auto answer = files_.send(method, at(path), "attack");
      EXPECT_EQ(TestMlflow::error(answer), "INVALID_PARAMETER_VALUE: Invalid path") << path;
      EXPECT_EQ(answer.status, 400) << path;
    }
    const auto listed = files_.get(fmt::format("{}?path={}", kFiles, path));
    EXPECT_EQ(listed.status, 400) << path;
    EXPECT_TRUE(TestMlflow::error(listed).starts_with("INVALID_PARAMETER_VALUE: ")) << path;
    for (const std::string_view verb : {"create", "complete", "abort"}) {
      const auto answer =
          files_.post(fmt::format("/api/2.0/mlflow-artifacts/mpu/{}/{}", verb, path),
                      R"({"path": "x", "num_parts": 1, "upload_id": "0", "parts": []})");
      EXPECT_EQ(TestMlflow::error(answer), "INVALID_PARAMETER_VALUE: Invalid path") << path;
    }
  }
  EXPECT_EQ(core::read_file(server_.folder() / "secret").value(), "secret");
  EXPECT_EQ(list(), "{}");
}

TEST_F(ArtifactProxy, LinksDoNotLeaveTheRoot) {
  fs::create_directories(server_.folder() / "outside");
  std::ofstream(server_.folder() / "outside/secret") << "secret";
  fs::create_symlink(server_.folder() / "outside", server_.folder() / "artifacts/link");
  EXPECT_EQ(files_.get(at("link/secret")).status, 400);
  EXPECT_EQ(files_.put(at("link/new"), "x").status, 400);
  EXPECT_EQ(files_.send(Method::kDelete, at("link/secret")).status, 400);
  EXPECT_TRUE(fs::exists(server_.folder() / "outside/secret"));
  EXPECT_FALSE(fs::exists(server_.folder() / "outside/new"));
}

TEST_F(ArtifactProxy, AnUploadThatBreaksOffLeavesNothing) {
  ASSERT_EQ(files_.put(at("run/f"), "old").status, 200);
  EXPECT_TRUE(files_.break_off(at("run/f"), std::string(100'000, 'n')));
  EXPECT_TRUE(files_.break_off(at("fresh/g"), "half"));
  EXPECT_EQ(on_disk("run/f"), "old");
  EXPECT_EQ(list(), R"({"files":[{"path":"run","is_dir":true}]})");
  int count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(server_.folder() / "artifacts"))
    count += entry.is_regular_file() ? 1 : 0;
  EXPECT_EQ(count, 1);
}

TEST_F(ArtifactProxy, ADownloadSeesTheWholeOldOrTheWholeNewFile) {
  const std::string old_bytes(300'000, 'o');
  ASSERT_EQ(files_.put(at("f"), old_bytes).status, 200);
  auto begun = files_.begin(Method::kGet, at("f"));
  auto ranged = files_.begin(Method::kGet, at("f"), {}, {{"Range", "bytes=100000-"}});
  ASSERT_EQ(files_.put(at("f"), std::string(200'000, 'n')).status, 200);
  EXPECT_EQ(TestArtifacts::read(*begun.source), old_bytes);
  EXPECT_EQ(TestArtifacts::read(*ranged.source), std::string(200'000, 'o'));

  std::atomic<bool> is_done{false};
  std::thread writer([&] {
    for (int i = 0; i < 40; ++i)
      EXPECT_EQ(files_.put(at("f"), std::string(100'000, static_cast<char>('a' + i % 26))).status,
                200);
    is_done = true;
  });
  while (!is_done) {
    const auto part = files_.get(at("f"), {{"Range", "bytes=5000-59999"}});
    ASSERT_TRUE(part.status == 206 || part.status == 503) << part.status;
    if (part.status == 503) continue;
    EXPECT_EQ(part.body, std::string(55'000, part.body.front()));
  }
  writer.join();
}

TEST_F(ArtifactProxy, OfConcurrentUploadsOfOnePathOneWinsWhole) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 10; ++i)
        EXPECT_EQ(
            files_.put(at("shared/f"), std::string(50'000, static_cast<char>('a' + t))).status,
            200);
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::string bytes = on_disk("shared/f");
  EXPECT_EQ(bytes, std::string(50'000, bytes.front()));
}

TEST_F(ArtifactProxy, GivesNoPresignedDownloads) {
  const auto answer = files_.get("/api/2.0/mlflow-artifacts/presigned/a/b");
  EXPECT_EQ(answer.status, 501);
  EXPECT_EQ(TestMlflow::error(answer),
            "NOT_IMPLEMENTED: Multipart download is not supported for the current artifact "
            "repository");
}

TEST(ArtifactProxyThatIsOff, SaysHowToSwitchItOn) {
  const TestMlflow server({artifact_routes});
  MlflowServices services = server.services();
  services.serves_artifacts = false;
  const TestArtifacts files(services);
  for (const Method method : {Method::kGet, Method::kPut, Method::kDelete}) {
    const auto answer = files.send(method, fmt::format("{}/a", kFiles), "x");
    EXPECT_EQ(answer.status, 503);
    EXPECT_NE(answer.body.find("/api/2.0/mlflow-artifacts/artifacts/"), std::string::npos);
    EXPECT_NE(answer.body.find("--serve-artifacts"), std::string::npos);
  }
  EXPECT_EQ(files.get(kFiles).status, 503);
  EXPECT_EQ(files.get("/get-artifact?run_id=x&path=a").status, 404) << "still served";
}

}  // namespace
}  // namespace tenure::api::mlflow
