#include "app/server_options.h"

#include <string>

#include <gtest/gtest.h>

namespace tenure::app {
namespace {

core::Result<net::HttpServerOptions> options_of(const std::string& serving) {
  core::ConfigSource source;
  source.file = "/p/tenure.yaml";
  auto config = core::parse_config("project: p\nserving:\n" + serving, source);
  if (!config) return std::move(config).error();
  return http_options(*config);
}

TEST(ServerOptions, AreThoseOfTheSection) {
  const auto options = options_of(
      "  port: 9000\n  streams_max: 7\n  compress_min: 2KiB\n"
      "  tls: {certificate: tls/c.pem, key: /k.pem}\n"
      "  concurrency: {mode: fixed, limit: 5, wait: 1s, wait_max: 3s, batch_threads: 4}\n");
  ASSERT_TRUE(options.has_value()) << options.error().message;
  EXPECT_EQ(options->port, 9000);
  EXPECT_EQ(options->streams_max, 7U);
  EXPECT_EQ(options->compress_min, 2048U);
  EXPECT_EQ(options->tls.certificate, "/p/tls/c.pem") << "relative to the project";
  EXPECT_EQ(options->tls.key, "/k.pem");
  EXPECT_EQ(options->concurrency.mode, net::LimitMode::kFixed);
  EXPECT_EQ(options->concurrency.limit, 5U);
  EXPECT_EQ(options->concurrency.wait, 1'000'000);
  EXPECT_EQ(options->concurrency.wait_max, 3'000'000);
  EXPECT_EQ(options->batch_threads, 4U);
}

TEST(ServerOptions, HaveTheSameDefaultsAsTheServer) {
  const auto options = options_of("  port: 8000\n");
  ASSERT_TRUE(options.has_value()) << options.error().message;
  const net::HttpServerOptions plain;
  EXPECT_FALSE(options->tls.is_set());
  EXPECT_EQ(options->streams_max, plain.streams_max);
  EXPECT_EQ(options->compress_min, plain.compress_min);
  EXPECT_EQ(options->batch_threads, plain.batch_threads);
  EXPECT_EQ(options->transfers_max, plain.transfers_max);
  EXPECT_EQ(options->concurrency.mode, plain.concurrency.mode);
  EXPECT_EQ(options->concurrency.limit, plain.concurrency.limit);
  EXPECT_EQ(options->concurrency.wait, plain.concurrency.wait);
  EXPECT_EQ(options->concurrency.wait_max, plain.concurrency.wait_max);
}

TEST(ServerOptions, NeedACertificateAndAKeyOrNeither) {
  const auto no_key = options_of("  tls: {certificate: c.pem}\n");
  ASSERT_FALSE(no_key.has_value());
  EXPECT_NE(no_key.error().message.find("needs serving.tls.key"), std::string::npos);
  const auto no_certificate = options_of("  tls: {key: k.pem}\n");
  ASSERT_FALSE(no_certificate.has_value());
  EXPECT_NE(no_certificate.error().message.find("needs serving.tls.certificate"),
            std::string::npos);
}

}  // namespace
}  // namespace tenure::app
