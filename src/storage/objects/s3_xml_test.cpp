#include "storage/objects/s3_xml.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace tenure::storage {
namespace {

TEST(S3Xml, ReadsWhatServersSend) {
  const auto root = parse_xml(
      "\xef\xbb\xbf<?xml version=\"1.0\" encoding='UTF-8'?>\n<!-- a > b -->"
      "<s3:List xmlns:s3=\"http://x/>\" a='1'>\n  <Key>a&amp;b&#x20ac;&#10;&lt;</Key><Empty/>"
      "<Raw><![CDATA[<not> & read]]></Raw><Key >second</Key ></s3:List>\n");
  ASSERT_TRUE(root) << root.error().message;
  EXPECT_EQ(root->name, "List");
  EXPECT_EQ(root->child_text("Key"), "a&b\xe2\x82\xac\n<");
  EXPECT_EQ(root->child_text("Raw"), "<not> & read");
  ASSERT_NE(root->child("Empty"), nullptr);
  EXPECT_EQ(root->child("Nothing"), nullptr);
  EXPECT_EQ(root->children.size(), 4U);
}

TEST(S3Xml, RefusesWhatIsBroken) {
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "<a>";
  for (const std::string& text :
       {std::string(), std::string("text"), std::string("<a>"), std::string("<a></b>"),
        std::string("<a"), std::string("<a>&nbsp;</a>"), std::string("<a>&#0;</a>"),
        std::string("<a>&#xd800;</a>"), std::string("<a/><b/>"), std::string("<a><![CDATA[x</a>"),
        std::string("<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>"), std::string("<a><!-- </a>"),
        std::string("< a/>"), std::string("<a b=\"></a>"), deep})
    EXPECT_EQ(parse_xml(text).error().code, core::ErrorCode::kCorruption) << text;
}

RC_GTEST_PROP(S3Xml, AnyTextComesBack, (const std::string& text)) {
  const auto root = parse_xml("<a>" + escape_xml(text) + "</a>");
  RC_ASSERT(root.has_value());
  RC_ASSERT(root->text == text);
}

}  // namespace
}  // namespace tenure::storage
