#include "reki/net/etcd/etcd_json.hpp"

#include <boost/test/unit_test.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>

using namespace reki;
using namespace reki::membership;
using Json = nlohmann::json;
using Outcome = EtcdReply::Outcome;

namespace {

const etcd::Keys keys = etcd::keys_of("reki", "c");
const std::string coordinator_key = "cmVraS9jL2Nvb3JkaW5hdG9y";
const std::string view_key = "cmVraS9jL3ZpZXc=";

ViewPtr some_view(const std::string& cluster = "c") {
  ViewHead head{cluster, Epoch{3}, Term{2}, NodeId{"n1"}, 7, {}, {}};
  return std::make_shared<const View>(*View::make(std::move(head), {}, {}));
}

/// A view in base64, as the request that puts it has it.
std::string encoded(const ViewPtr& view) {
  return Json::parse(etcd::request_of({.view = view}, keys))["success"][0]["request_put"]["value"];
}

Json entry(const std::string& key, const std::string& value, const std::string& revision) {
  return {{"response_range", {{"kvs", {{{"key", key}, {"mod_revision", revision}, {"value", value}}}}, {"count", "1"}}}};
}

/// "5 n0 77" and the view.
Json refusal(const ViewPtr& view = some_view()) {
  return {{"header", {{"revision", "12"}}},
          {"responses", {entry(coordinator_key, "NSBuMCA3Nw==", "10"), entry(view_key, encoded(view), "9")}}};
}

std::string fault_in(const Json& body, const EtcdTxn& txn = {}) {
  const auto reply = etcd::reply_of(body.dump(), txn, keys);
  if (reply) return "accepted";
  BOOST_TEST((reply.error().code == ErrorCode::malformed_frame));
  return reply.error().text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(etcd_json)

BOOST_AUTO_TEST_CASE(a_claim_demands_two_revisions_and_puts_both_keys) {
  const EtcdTxn txn{.number = 1, .coordinator_revision = 10, .view_revision = 0, .coordinator = "6 n1 5", .view = some_view()};
  const Json json = Json::parse(etcd::request_of(txn, keys));
  const Json compare{{{"target", "MOD"}, {"result", "EQUAL"}, {"key", coordinator_key}, {"mod_revision", "10"}},
                     {{"target", "MOD"}, {"result", "EQUAL"}, {"key", view_key}, {"mod_revision", "0"}}};
  BOOST_TEST(json["compare"] == compare);
  const Json put{{"request_put", {{"key", coordinator_key}, {"value", "NiBuMSA1"}}}};
  BOOST_TEST(json["success"][0] == put);
  BOOST_TEST(json["success"][1]["request_put"]["key"] == view_key);
  const Json both{{{"request_range", {{"key", coordinator_key}}}}, {{"request_range", {{"key", view_key}}}}};
  BOOST_TEST(json["failure"] == both);
}

BOOST_AUTO_TEST_CASE(a_confirmation_demands_the_value_and_puts_it_again) {
  const Json json = Json::parse(etcd::request_of({.coordinator_is = "6 n1 5", .coordinator = "6 n1 5"}, keys));
  const Json compare{{{"target", "VALUE"}, {"result", "EQUAL"}, {"key", coordinator_key}, {"value", "NiBuMSA1"}}};
  BOOST_TEST(json["compare"] == compare);
  BOOST_TEST(json["success"].size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_read_asks_for_the_view_only_if_it_is_another) {
  const Json json = Json::parse(etcd::request_of({.view_revision = 9}, keys));
  BOOST_TEST(json["compare"][0]["mod_revision"] == "9");
  const Json one{{{"request_range", {{"key", coordinator_key}}}}};
  BOOST_TEST(json["success"] == one);
  BOOST_TEST(json["failure"].size() == 2U);
}

BOOST_AUTO_TEST_CASE(what_debian_s_etcd_answers_is_understood) {
  const EtcdTxn put{.number = 4, .coordinator = "6 n1 5"};
  auto reply = etcd::reply_of(
      R"({"header":{"cluster_id":"13455796455940752355","member_id":"443629905751424238","revision":"2","raft_term":"2"},)"
      R"("succeeded":true,"responses":[{"response_put":{"header":{"revision":"2"}}},{"response_put":{"header":{"revision":"2"}}}]})",
      put, keys);
  BOOST_TEST_REQUIRE(reply.has_value());
  BOOST_TEST((reply->outcome == Outcome::done));
  BOOST_TEST(reply->number == 4U);
  BOOST_TEST(reply->revision == 2);
  const Json refused{{"header", {{"cluster_id", "1"}, {"member_id", "2"}, {"revision", "12"}, {"raft_term", "2"}}},
                     {"responses", refusal()["responses"]}};
  reply = etcd::reply_of(refused.dump(), put, keys);
  BOOST_TEST_REQUIRE(reply.has_value());
  BOOST_TEST((reply->outcome == Outcome::refused));
  BOOST_TEST(reply->coordinator.value().text == "5 n0 77");
  BOOST_TEST(reply->coordinator.value().revision == 10);
  BOOST_TEST((*reply->view.value().view == *some_view()));
  BOOST_TEST(reply->view.value().revision == 9);
}

BOOST_AUTO_TEST_CASE(keys_that_are_not_there_are_no_mistake) {
  const auto reply = etcd::reply_of(R"({"header":{"revision":"3"},"responses":[{"response_range":{"header":{"revision":"3"}}},)"
                                    R"({"response_range":{"header":{"revision":"3"}}}]})",
                                    {}, keys);
  BOOST_TEST_REQUIRE(reply.has_value());
  BOOST_TEST(!reply->coordinator.has_value());
  BOOST_TEST(!reply->view.has_value());
}

BOOST_AUTO_TEST_CASE(an_answer_that_is_none_says_what_is_wrong) {
  BOOST_TEST(fault_in(refusal()) == "accepted");
  BOOST_TEST(fault_in(Json::array()) == "etcd's answer is no JSON object");
  BOOST_TEST(fault_in(Json::object()) == "etcd's answer has no revision");
  const auto changed = [](const char* pointer, Json value) {
    Json json = refusal();
    json[Json::json_pointer(pointer)] = std::move(value);
    return json;
  };
  BOOST_TEST(fault_in(changed("/header/revision", 12)) == "etcd's answer has no revision");
  BOOST_TEST(fault_in(changed("/header/revision", "-1")) == "etcd's answer has no revision");
  BOOST_TEST(fault_in(changed("/header/revision", "99999999999999999999")) == "etcd's answer has no revision");
  BOOST_TEST(fault_in(changed("/responses", "x")) == "etcd's answer has no responses");
  BOOST_TEST(fault_in(changed("/responses", Json::array())) == "etcd's answer has too few responses");
  BOOST_TEST(fault_in(changed("/responses/0", Json::object())) == "etcd's answer has no range where one was asked for");
  BOOST_TEST(fault_in(changed("/responses/0/response_range/kvs", Json::array())) == "etcd's answer has not one entry for one key");
  BOOST_TEST(fault_in(changed("/responses/0/response_range/kvs/0/key", view_key)) ==
             "etcd's answer is about another key than was asked for");
  BOOST_TEST(fault_in(changed("/responses/0/response_range/kvs/0/mod_revision", "x")) ==
             "etcd's answer has an entry without a revision or value");
  for (const char* bad : {"N", "NSBuMCA3Nw", "NSBu*CA3Nw==", "====", "N==="}) {
    BOOST_TEST(fault_in(changed("/responses/0/response_range/kvs/0/value", bad)).ends_with("is not base64"), bad);
  }
  BOOST_TEST(fault_in(changed("/responses/0/response_range/kvs/0/value", "eA==")) ==
             "etcd's answer has 'x' in reki/c/coordinator, which reki does not write");
  BOOST_TEST(fault_in(changed("/responses/1/response_range/kvs/0/value", "eA==")) ==
             "etcd's answer has in reki/c/view what is no view of this cluster");
  BOOST_TEST(fault_in(refusal(some_view("staging"))) == "etcd's answer has in reki/c/view what is no view of this cluster");
}

BOOST_AUTO_TEST_CASE(a_damaged_answer_is_an_error_or_a_reply_and_nothing_worse) {
  const std::string whole = refusal().dump();
  for (std::size_t bytes = 0; bytes < whole.size(); bytes += 1 + bytes / 50) {
    BOOST_TEST_REQUIRE(!etcd::reply_of(whole.substr(0, bytes), {}, keys).has_value());
  }
  std::mt19937 random(1);
  for (int i = 0; i < 2000; ++i) {
    std::string text = whole;
    for (int k = 0; k < 3; ++k) text[random() % 600] = static_cast<char>(random());
    const auto reply = etcd::reply_of(text, {}, keys);
    if (reply && reply->coordinator) BOOST_TEST_REQUIRE(parse_coordinator(reply->coordinator->text).has_value());
  }
  BOOST_TEST(!etcd::reply_of(std::string(300000, '['), {}, keys).has_value());
}

BOOST_AUTO_TEST_CASE(every_byte_comes_back_from_base64) {
  for (std::size_t size = 0; size < 5; ++size) {
    const std::string name = std::string("\xff\x00\x7f\x80\xfe", size);
    const std::string text = "7 x" + name + " 9";
    const Json json = Json::parse(etcd::request_of({.coordinator = text}, keys));
    const Json answer{{"header", {{"revision", "1"}}}, {"succeeded", true},
                      {"responses", {entry(coordinator_key, json["success"][0]["request_put"]["value"], "1")}}};
    const auto reply = etcd::reply_of(answer.dump(), {}, keys);
    BOOST_TEST_REQUIRE(reply.has_value());
    BOOST_TEST(reply->coordinator.value().text == text);
  }
}

BOOST_AUTO_TEST_CASE(a_refusal_is_told_in_etcd_s_words) {
  BOOST_TEST(etcd::refusal_of(503, R"({"error":"etcdserver: no leader","message":"x","code":14})") ==
             "HTTP 503: etcdserver: no leader");
  BOOST_TEST(etcd::refusal_of(404, "Not Found\n") == "HTTP 404: Not Found\n");
}

BOOST_AUTO_TEST_SUITE_END()
