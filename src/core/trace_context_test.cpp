#include "core/trace_context.h"

#include <set>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace tenure::core {
namespace {

constexpr std::string_view kExample = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

std::string text_of(const TraceContext& trace) {
  std::string text(kTraceparentSize, '?');
  write_traceparent(trace, text.data());
  return text;
}

TEST(TraceContext, ReadsTheExampleOfTheStandardAndWritesItBack) {
  const auto trace = parse_traceparent(kExample);
  ASSERT_TRUE(trace.has_value());
  EXPECT_EQ(trace_id_text(*trace), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(span_id_text(*trace), "b7ad6b7169203331");
  EXPECT_TRUE(trace->is_sampled);
  EXPECT_EQ(text_of(*trace), kExample);
}

TEST(TraceContext, ReadsOnlyTheFirstBitOfTheFlags) {
  const std::string lead(kExample.substr(0, 53));
  EXPECT_TRUE(parse_traceparent(lead + "ff")->is_sampled);
  EXPECT_FALSE(parse_traceparent(lead + "fe")->is_sampled);
  EXPECT_EQ(text_of(*parse_traceparent(lead + "ff")), lead + "01");
}

TEST(TraceContext, ReadsTheFirstFourFieldsOfVersionsToCome) {
  const std::string later = "cc" + std::string(kExample.substr(2));
  EXPECT_TRUE(parse_traceparent(later).has_value());
  EXPECT_TRUE(parse_traceparent(later + "-what-comes-later").has_value());
  EXPECT_FALSE(parse_traceparent(later + ".what").has_value());
}

TEST(TraceContext, RefusesWhatIsNoTraceparent) {
  for (const std::string_view text : {
           "",
           "00",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-extra",
           "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
           "0x-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
           "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
           "00-00000000000000000000000000000000-b7ad6b7169203331-01",
           "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333g-01",
           "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0x",
       }) {
    EXPECT_FALSE(parse_traceparent(text).has_value()) << text;
  }
}

TEST(TraceContext, ContinuesATraceWithASpanOfItsOwn) {
  const TraceContext before = *parse_traceparent(kExample);
  const TraceContext trace = continue_trace(kExample);
  EXPECT_EQ(trace.trace_id, before.trace_id);
  EXPECT_NE(trace.span_id, before.span_id);
  EXPECT_TRUE(trace.is_sampled);
  EXPECT_NE(trace.span_id, continue_trace(kExample).span_id);
}

TEST(TraceContext, BeginsANewTraceWhenTheCallersIsBroken) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const TraceContext trace = continue_trace("00-broken");
    EXPECT_TRUE(trace.is_set());
    EXPECT_FALSE(trace.is_sampled);
    EXPECT_TRUE(parse_traceparent(text_of(trace)).has_value());
    seen.insert(trace_id_text(trace));
  }
  EXPECT_EQ(seen.size(), 100U);
}

RC_GTEST_PROP(TraceContext, NeverFailsOnBytesAndAlwaysAnswersWithAValidHeader, ()) {
  std::string text(kExample);
  const int changes = *rc::gen::inRange(0, 4);
  for (int i = 0; i < changes; ++i)
    text[*rc::gen::inRange<std::size_t>(0, text.size())] = *rc::gen::arbitrary<char>();
  text.resize(*rc::gen::inRange<std::size_t>(0, 70), '-');
  const TraceContext trace = continue_trace(text);
  RC_ASSERT(parse_traceparent(text_of(trace)) == trace);
}

TEST(TraceContext, TellsATracestateThatMayBePassedOn) {
  EXPECT_TRUE(is_tracestate("congo=t61rcWkgMzE"));
  EXPECT_TRUE(is_tracestate("rojo=00f067aa0ba902b7, congo=t61rcWkgMzE"));
  EXPECT_TRUE(is_tracestate("fw529a3039@dt=FfAAAAAA, ,x=1"));
  EXPECT_FALSE(is_tracestate(""));
  EXPECT_FALSE(is_tracestate(" , "));
  EXPECT_FALSE(is_tracestate("congo"));
  EXPECT_FALSE(is_tracestate("Congo=1"));
  EXPECT_FALSE(is_tracestate("congo=a=b"));
  EXPECT_FALSE(is_tracestate("congo=\x7f"));
  EXPECT_FALSE(is_tracestate("a@b@c=1"));
  EXPECT_FALSE(is_tracestate("x=" + std::string(600, 'a')));
  std::string many = "a0=1";
  for (int i = 1; i < 32; ++i) many += ",a" + std::to_string(i) + "=1";
  EXPECT_TRUE(is_tracestate(many));
  EXPECT_FALSE(is_tracestate(many + ",b=1"));
}

}  // namespace
}  // namespace tenure::core
