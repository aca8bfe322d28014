#include "net/request_target.h"

#include <gtest/gtest.h>

namespace tenure::net {
namespace {

TEST(RequestTarget, IsTakenApart) {
  struct Case {
    std::string_view target, path, query;
  };
  for (const Case& c :
       {Case{"/", "/", ""}, Case{"/a/b?x=1&y=/c", "/a/b", "x=1&y=/c"}, Case{"/a?", "/a", ""},
        Case{"/?q", "/", "q"}, Case{"http://h/a?x=1", "/a", "x=1"},
        Case{"https://h:8000/a/b", "/a/b", ""}, Case{"HTTP://H/a", "/a", ""},
        Case{"http://h", "/", ""}, Case{"http://h/", "/", ""},
        Case{"http://h?x=/health", "/", "x=/health"}, Case{"http://h?", "/", ""},
        Case{"http://[::1]:80/a", "/a", ""}, Case{"//a/b", "//a/b", ""}}) {
    const auto parts = split_target(c.target);
    ASSERT_TRUE(parts.has_value()) << c.target;
    EXPECT_EQ(parts->path, c.path) << c.target;
    EXPECT_EQ(parts->query, c.query) << c.target;
  }
}

TEST(RequestTarget, IsRefusedInOtherForms) {
  for (const std::string_view target : {"", "*", "a", "h:80", "ftp://h/a", "http:/h", "http://",
                                        "http:///a", "http://?x", "https:"})
    EXPECT_FALSE(split_target(target).has_value()) << target;
}

}  // namespace
}  // namespace tenure::net
