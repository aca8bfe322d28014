#include "net/http_client.h"

#include <filesystem>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/id.h"
#include "net/test_certificate.h"
#include "net/test_server.h"

namespace tenure::net {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(HttpClient, SendsMethodHeadersAndBodyAndGivesWhatCame) {
  const TestServer server;
  const auto base = fmt::format("http://127.0.0.1:{}", server.port());
  const auto echoed = send_request({.method = "POST", .url = base + "/echo", .body = "some bytes"});
  ASSERT_TRUE(echoed.has_value()) << echoed.error().message;
  EXPECT_EQ(echoed->status, 200);
  EXPECT_EQ(echoed->body, "some bytes");
  const auto missing = send_request({.url = base + "/nothing-here"});
  ASSERT_TRUE(missing.has_value()) << "an error of the server is an answer";
  EXPECT_EQ(missing->status, 404);
}

TEST(HttpClient, RefusesAnAnswerThatIsTooLong) {
  const TestServer server;
  const auto answer = send_request({.method = "POST",
                                    .url = fmt::format("http://127.0.0.1:{}/echo", server.port()),
                                    .body = std::string(1000, 'x'),
                                    .answer_max = 999});
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, core::ErrorCode::kResourceExhausted);
  EXPECT_THAT(answer.error().message, HasSubstr("999"));
}

TEST(HttpClient, SaysWhyThereIsNoAnswer) {
  const auto code_of = [](ClientRequest request) {
    const auto answer = send_request(request);
    return answer.has_value() ? core::ErrorCode::kInternal : answer.error().code;
  };
  std::uint16_t closed = 0;
  {
    const TestServer server;
    closed = server.port();
  }
  EXPECT_EQ(code_of({.url = fmt::format("http://127.0.0.1:{}/", closed)}),
            core::ErrorCode::kUnavailable);
  EXPECT_EQ(code_of({.url = "file:///etc/hostname"}), core::ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of({.url = "http://"}), core::ErrorCode::kInvalidArgument);
  TestServer server;
  const auto gate = fmt::format("http://127.0.0.1:{}/gate", server.port());
  EXPECT_EQ(code_of({.method = "POST", .url = gate, .timeout = 50'000}),
            core::ErrorCode::kDeadlineExceeded);
  const std::atomic<bool> is_cancelled{true};
  EXPECT_EQ(code_of({.method = "POST", .url = gate, .is_cancelled = &is_cancelled}),
            core::ErrorCode::kCancelled);
}

TEST(HttpClient, TrustsTheCertificatesItIsGivenAndNoOthers) {
  const TestCertificate certificate("localhost");
  HttpServerOptions options = TestServer::quick_options();
  options.tls = certificate.files();
  const TestServer server(options);
  const auto url = fmt::format("https://localhost:{}/ping", server.port());
  const auto trusted =
      send_request({.url = url, .ca_file = certificate.files().certificate.string()});
  ASSERT_TRUE(trusted.has_value()) << trusted.error().message;
  EXPECT_EQ(trusted->body, "{\"pong\":true}");
  const auto unknown = send_request({.url = url});
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().code, core::ErrorCode::kUnavailable);
}

TEST(HttpClient, ShowsUrlsWithoutWhatMayBeSecret) {
  EXPECT_EQ(shown_url("https://ann:secret@id.example/keys?token=1#x"), "https://id.example/keys");
  EXPECT_EQ(shown_url("http://id.example"), "http://id.example");
  EXPECT_EQ(shown_url("http://id.example/a@b"), "http://id.example/a@b");
  const auto answer = send_request({.url = "http://ann:secret@127.0.0.1:1/?key=hidden"});
  ASSERT_FALSE(answer.has_value());
  EXPECT_THAT(answer.error().message, Not(HasSubstr("secret")));
  EXPECT_THAT(answer.error().message, Not(HasSubstr("hidden")));
}

}  // namespace
}  // namespace tenure::net
