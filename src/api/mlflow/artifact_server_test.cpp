#include <chrono>
#include <filesystem>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "api/access/error_body.h"
#include "api/mlflow/test_mlflow.h"
#include "core/file.h"
#include "net/http_server.h"
#include "net/test_client.h"

// Artifacts over real connections.
namespace tenure::api::mlflow {
namespace {

constexpr std::string_view kFiles = "/api/2.0/mlflow-artifacts/artifacts";
constexpr std::size_t kLarge = 5'000'000;  // several times what a body may have

class ArtifactServer : public ::testing::Test {
 protected:
  ArtifactServer() : router_(artifact_routes(mlflow_.services())) {
    auto server = net::HttpServer::listen({.port = 0,
                                           .threads = 1,
                                           .worker_threads = 2,
                                           .body_max = 1'000'000,
                                           .render_error = render_error},
                                          router_, metrics_, clock_);
    EXPECT_TRUE(server) << server.error().message;
    server_ = *std::move(server);
    server_->start();
  }
  ~ArtifactServer() override { server_.reset(); }

  net::TestClient::Answer ask(std::string_view request) {
    net::TestClient client(server_->port());
    return client.ask(request);
  }
  net::TestClient::Answer get(std::string_view target, std::string_view headers = {}) {
    return ask(fmt::format("GET {} HTTP/1.1\r\nHost: a\r\n{}\r\n", target, headers));
  }
  net::TestClient::Answer put(std::string_view path, std::string_view bytes) {
    return ask(fmt::format("PUT {}/{} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{}", kFiles,
                           path, bytes.size(), bytes));
  }
  static std::string large_bytes() {
    std::string bytes(kLarge, '\0');
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 31 % 251);
    return bytes;
  }
  std::filesystem::path unfinished() const {
    return mlflow_.folder() / "artifacts" / ".tenure-unfinished";
  }

  TestMlflow mlflow_{{artifact_routes}};
  core::MetricRegistry metrics_;
  core::SystemClock clock_;
  net::Router router_;
  std::unique_ptr<net::HttpServer> server_;
};

TEST_F(ArtifactServer, CarriesFilesLargerThanABodyMayBe) {
  const std::string bytes = large_bytes();
  const auto stored = put("dir/large.bin", bytes);
  EXPECT_EQ(stored.status, 200);
  EXPECT_EQ(stored.body, "{}");
  const auto sent = get(fmt::format("{}/dir/large.bin", kFiles));
  EXPECT_EQ(sent.status, 200);
  EXPECT_EQ(sent.headers.at("content-length"), std::to_string(kLarge));
  EXPECT_EQ(sent.headers.at("content-type"), "application/octet-stream");
  EXPECT_EQ(sent.headers.at("x-content-type-options"), "nosniff");
  EXPECT_TRUE(sent.body == bytes);
  const auto part =
      get(fmt::format("{}/dir/large.bin", kFiles), "Range: bytes=1000000-3999999\r\n");
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.headers.at("content-range"), "bytes 1000000-3999999/5000000");
  EXPECT_TRUE(part.body == bytes.substr(1'000'000, 3'000'000));
}

TEST_F(ArtifactServer, TakesChunkedAndEmptyFiles) {
  net::TestClient client(server_->port());
  const auto stored = client.ask(
      fmt::format("PUT {}/chunked.txt HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n",
                  kFiles));
  EXPECT_EQ(stored.status, 200);
  EXPECT_EQ(get(fmt::format("{}/chunked.txt", kFiles)).body, "hello, world");
  EXPECT_EQ(put("empty", "").status, 200);
  const auto empty = get(fmt::format("{}/empty", kFiles));
  EXPECT_EQ(empty.status, 200);
  EXPECT_EQ(empty.headers.at("content-length"), "0");
}

TEST_F(ArtifactServer, AnswersHeadWithTheHeadersAlone) {
  ASSERT_EQ(put("f.txt", "12345").status, 200);
  net::TestClient client(server_->port());
  ASSERT_TRUE(client.send(fmt::format("HEAD {}/f.txt HTTP/1.1\r\nHost: a\r\n\r\n", kFiles)));
  const auto head = client.read_answer(false);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.headers.at("content-length"), "5");
  EXPECT_EQ(head.headers.at("content-type"), "text/plain");
  EXPECT_FALSE(head.headers.at("etag").empty());
  EXPECT_EQ(client.ask(fmt::format("GET {}/f.txt HTTP/1.1\r\nHost: a\r\n\r\n", kFiles)).body,
            "12345")
      << "the connection goes on";
}

TEST_F(ArtifactServer, DoesNotCompressWhatItSends) {
  ASSERT_EQ(put("f.txt", std::string(10'000, 'x')).status, 200);
  const auto sent = get(fmt::format("{}/f.txt", kFiles), "Accept-Encoding: gzip\r\n");
  EXPECT_EQ(sent.headers.at("content-length"), "10000");
  EXPECT_EQ(sent.headers.count("content-encoding"), 0U);
}

TEST_F(ArtifactServer, RefusesABadPathInMlflowsWords) {
  for (const std::string_view path : {"../x", "%2e%2e/x", "%252e%252e%252fx"}) {
    const auto refused = put(path, large_bytes());
    EXPECT_EQ(refused.status, 400) << path;
    EXPECT_EQ(refused.body, R"({"error_code":"INVALID_PARAMETER_VALUE","message":"Invalid path"})");
  }
  const auto behind_slashes = get("//model-versions/get-artifact?name=m&version=1&path=../x");
  EXPECT_EQ(behind_slashes.status, 400);
  EXPECT_EQ(behind_slashes.body,
            R"({"error_code":"INVALID_PARAMETER_VALUE","message":"Invalid path"})");
}

TEST_F(ArtifactServer, AClientThatGoesAwayLeavesNothing) {
  ASSERT_EQ(put("run/f", "old").status, 200);
  {
    net::TestClient client(server_->port());
    ASSERT_TRUE(client.send(
        fmt::format("PUT {}/run/f HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n{}", kFiles,
                    large_bytes())));
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!std::filesystem::exists(unfinished()) && std::chrono::steady_clock::now() < deadline)
      std::this_thread::yield();
    ASSERT_TRUE(std::filesystem::exists(unfinished())) << "the upload has not begun";
    client.reset();
    while (std::filesystem::exists(unfinished()) && std::chrono::steady_clock::now() < deadline)
      std::this_thread::yield();
  }
  EXPECT_FALSE(std::filesystem::exists(unfinished()));
  EXPECT_EQ(get(fmt::format("{}/run/f", kFiles)).body, "old");
}

TEST_F(ArtifactServer, ADownloadGoesOnWithTheOldFile) {
  const std::string bytes = large_bytes();
  ASSERT_EQ(put("f", bytes).status, 200);
  net::TestClient slow(server_->port(), 4096);
  ASSERT_TRUE(slow.send(fmt::format("GET {}/f HTTP/1.1\r\nHost: a\r\n\r\n", kFiles)));
  ASSERT_GT(slow.receive_once(), 0U);
  ASSERT_EQ(put("f", "new").status, 200);
  const auto old_file = slow.read_answer();
  EXPECT_EQ(old_file.status, 200);
  EXPECT_TRUE(old_file.body == bytes);
  EXPECT_EQ(get(fmt::format("{}/f", kFiles)).body, "new");
}

}  // namespace
}  // namespace tenure::api::mlflow
