#include "net/trusted_proxies.h"

#include <gtest/gtest.h>

namespace tenure::net {
namespace {

using Field = TrustedProxies::Field;

TrustedProxies trusting(std::vector<std::string> networks, Field field = Field::kXForwardedFor) {
  auto made = TrustedProxies::make(networks, field);
  EXPECT_TRUE(made.has_value()) << made.error().message;
  return *std::move(made);
}

std::string client(const TrustedProxies& proxies, std::string_view peer,
                   std::vector<std::string_view> values) {
  TrustedProxies::Room room;
  return std::string(proxies.client(peer, values, room));
}

TEST(TrustedProxies, BelieveNobodyElse) {
  const TrustedProxies nobody;
  EXPECT_TRUE(nobody.is_empty());
  EXPECT_EQ(client(nobody, "127.0.0.1:80", {"203.0.113.7"}), "127.0.0.1:80");
  const TrustedProxies proxies = trusting({"10.0.0.0/8", "2001:db8::/32"});
  EXPECT_EQ(client(proxies, "192.0.2.1:80", {"203.0.113.7"}), "192.0.2.1:80");
  EXPECT_EQ(client(proxies, "11.0.0.1:80", {"203.0.113.7"}), "11.0.0.1:80");
  EXPECT_EQ(client(proxies, "[2001:db9::1]:80", {"203.0.113.7"}), "[2001:db9::1]:80");
}

TEST(TrustedProxies, TellTheAddressNearestToUsThatIsNoneOfTheirs) {
  const TrustedProxies proxies = trusting({"10.0.0.0/8", "2001:db8::/32", "192.0.2.7"});
  EXPECT_EQ(client(proxies, "10.1.2.3:80", {"203.0.113.7"}), "203.0.113.7");
  // What stands before it the client may have written itself.
  EXPECT_EQ(client(proxies, "10.1.2.3:80", {"1.1.1.1, 203.0.113.7, 10.9.9.9,192.0.2.7"}),
            "203.0.113.7");
  EXPECT_EQ(client(proxies, "10.1.2.3:80", {"1.1.1.1", "203.0.113.7", "10.0.0.2"}), "203.0.113.7");
  EXPECT_EQ(client(proxies, "[2001:db8::5]:80", {"2001:DB9:0:0::1"}), "2001:db9::1");
  EXPECT_EQ(client(proxies, "[::ffff:10.0.0.1]:80", {"[2001:db9::1]:4711"}), "2001:db9::1");
  EXPECT_EQ(client(proxies, "10.0.0.1:80", {"203.0.113.7:4711"}), "203.0.113.7");
}

TEST(TrustedProxies, KeepTheLastAddressThatIsKnown) {
  const TrustedProxies proxies = trusting({"10.0.0.0/8"});
  EXPECT_EQ(client(proxies, "10.0.0.1:80", {}), "10.0.0.1");
  EXPECT_EQ(client(proxies, "10.0.0.1:80", {""}), "10.0.0.1");
  EXPECT_EQ(client(proxies, "10.0.0.1:80", {"203.0.113.7, unknown"}), "10.0.0.1");
  EXPECT_EQ(client(proxies, "10.0.0.1:80", {"203.0.113.7, nonsense, 10.0.0.2"}), "10.0.0.2");
  EXPECT_EQ(client(proxies, "10.0.0.1:80", {"203.0.113.7", ", ,"}), "10.0.0.1");
  EXPECT_EQ(client(proxies, "10.0.0.1:80", {"10.0.0.4, 10.0.0.3"}), "10.0.0.4");
  EXPECT_EQ(client(proxies, "10.0.0.1:80", {std::string(5000, '1')}), "10.0.0.1");
}

TEST(TrustedProxies, ReadTheStandardHeaderToo) {
  const TrustedProxies proxies = trusting({"10.0.0.0/8"}, Field::kForwarded);
  EXPECT_EQ(proxies.field_name(), "Forwarded");
  EXPECT_EQ(client(proxies, "10.0.0.1:80", {"for=203.0.113.7;proto=https;by=10.0.0.1"}),
            "203.0.113.7");
  EXPECT_EQ(client(proxies, "10.0.0.1:80",
                   {"for=1.1.1.1, By=x;FOR=\"[2001:db8::1]:4711\" , for=10.0.0.2"}),
            "2001:db8::1");
  EXPECT_EQ(client(proxies, "10.0.0.1:80", {"for=\"1.1.1.1, 2.2.2.2\""}), "10.0.0.1");
  EXPECT_EQ(client(proxies, "10.0.0.1:80", {"for=_hidden"}), "10.0.0.1");
  EXPECT_EQ(client(proxies, "10.0.0.1:80", {"proto=https"}), "10.0.0.1");
}

TEST(TrustedProxies, TakeAddressesAndNetworksOnly) {
  for (const char* const text : {"", "10.0.0", "10.0.0.0/33", "2001:db8::/129", "10.0.0.0/", "x",
                                 "10.0.0.0/8x", "10.0.0.0/-1", "localhost"}) {
    const std::vector<std::string> networks{"10.0.0.1", text};
    const auto made = TrustedProxies::make(networks, Field::kXForwardedFor);
    ASSERT_FALSE(made.has_value()) << text;
    EXPECT_EQ(made.error().code, core::ErrorCode::kInvalidArgument);
  }
  EXPECT_EQ(client(trusting({"0.0.0.0/0"}), "192.0.2.1:1", {"203.0.113.7"}), "203.0.113.7");
  EXPECT_EQ(client(trusting({"192.0.2.128/25"}), "192.0.2.129:1", {"1.1.1.1"}), "1.1.1.1");
  EXPECT_EQ(client(trusting({"192.0.2.128/25"}), "192.0.2.127:1", {"1.1.1.1"}), "192.0.2.127:1");
}

}  // namespace
}  // namespace tenure::net
