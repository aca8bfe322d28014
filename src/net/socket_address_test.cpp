#include "net/socket_address.h"

#include <gtest/gtest.h>

namespace tenure::net {
namespace {

TEST(SocketAddress, ReadsBothFamiliesAndWritesThemAsClientsAreNamed) {
  const auto four = SocketAddress::parse("127.0.0.1", 8000);
  ASSERT_TRUE(four);
  EXPECT_EQ(four->family(), AF_INET);
  EXPECT_EQ(four->text(), "127.0.0.1:8000");
  const auto six = SocketAddress::parse("::1", 51234);
  ASSERT_TRUE(six);
  EXPECT_EQ(six->family(), AF_INET6);
  EXPECT_EQ(six->host(), "::1");
  EXPECT_EQ(six->text(), "[::1]:51234");
}

TEST(SocketAddress, TakesAnotherPort) {
  auto address = SocketAddress::parse("::", 0);
  ASSERT_TRUE(address);
  EXPECT_EQ(address->port(), 0);
  address->set_port(65535);
  EXPECT_EQ(address->port(), 65535);
}

TEST(SocketAddress, RefusesNamesAndFormsThatAreNoAddress) {
  for (const char* const text : {"", "localhost", "example.com", "1", "127.1", "0x7f.0.0.1",
                                 "127.0.0.1 ", "256.0.0.1", ":::", "[::1]", "::1:"}) {
    EXPECT_FALSE(SocketAddress::parse(text, 80)) << text;
  }
}

}  // namespace
}  // namespace tenure::net
