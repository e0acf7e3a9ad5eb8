#include "fake_node.hpp"

#include <stdexcept>
#include <zmq.hpp>

#include "reki/net/clock.hpp"

using namespace reki;
using namespace std::chrono_literals;

struct FakeNode::Process {
  zmq::context_t context{1};
  zmq::socket_t router{context, zmq::socket_type::router};
  Incarnation incarnation;
  std::set<std::string> sessions;
  std::atomic<bool> over = false;
  std::thread thread;
};

FakeNode::FakeNode(std::string id, Handler handler, std::string cluster)
    : id_(std::move(id)), cluster_(std::move(cluster)), handler_(std::move(handler)) {
  start();
}

FakeNode::~FakeNode() { stop(); }

void FakeNode::start() {
  const Instant patience = boot_time() + 20s;
  process_ = std::make_unique<Process>();
  process_->router.set(zmq::sockopt::linger, 0);
  process_->incarnation = Incarnation{1000 + ++processes_};
  for (;;) {
    try {
      process_->router.bind(address_);
      break;
    } catch (const zmq::error_t&) {  // the kernel may need a moment to free the port of the process before
      if (boot_time() > patience) throw;
      std::this_thread::yield();
    }
  }
  address_ = process_->router.get(zmq::sockopt::last_endpoint);
  process_->thread = std::thread([this] { run(*process_); });
}

Incarnation FakeNode::incarnation() const { return process_->incarnation; }

void FakeNode::stop() {
  if (!process_) return;
  process_->over = true;
  process_->thread.join();
  process_.reset();
}

void FakeNode::set_view(std::shared_ptr<const View> view) {
  const std::lock_guard lock(mutex_);
  view_ = std::move(view);
}

void FakeNode::also_send(std::vector<Bytes> frames_to_send) {
  const std::lock_guard lock(mutex_);
  also_ = std::move(frames_to_send);
}

void FakeNode::run(Process& process) {
  while (!process.over) {
    std::vector<zmq::pollitem_t> items{{process.router.handle(), 0, ZMQ_POLLIN, 0}};
    zmq::poll(items, 2ms);
    if (items[0].revents == 0 || frozen_) continue;
    zmq::message_t peer;
    zmq::message_t frame;
    if (!process.router.recv(peer, zmq::recv_flags::dontwait) || !peer.more()) continue;
    if (!process.router.recv(frame, zmq::recv_flags::dontwait)) continue;
    serve(process, peer.to_string(), {static_cast<const char*>(frame.data()), frame.size()});
  }
}

void FakeNode::serve(Process& process, const std::string& peer, BytesView frame) {
  const auto send = [&](BytesView bytes) {
    process.router.send(zmq::buffer(peer), zmq::send_flags::sndmore | zmq::send_flags::dontwait);
    process.router.send(zmq::buffer(bytes), zmq::send_flags::dontwait);
  };
  std::shared_ptr<const View> view;
  {
    const std::lock_guard lock(mutex_);
    view = view_;
    for (const auto& bytes : also_) send(bytes);
  }
  const Epoch epoch = view ? view->epoch() : Epoch{1};
  switch (wire::kind_of(frame).value()) {
    case wire::FrameKind::hello: {
      ++hellos;
      const auto hello = wire::decode_hello(frame).value();
      if (hello.cluster != cluster_ && !welcomes_anybody) {
        return send(wire::encode_reject({ErrorCode::wrong_cluster, "this is " + cluster_}));
      }
      if (hello.version_min > 1) return send(wire::encode_reject({ErrorCode::version_mismatch, {}}));
      process.sessions.insert(peer);
      return send(wire::encode_welcome({1, cluster_, id_, process.incarnation, epoch}));
    }
    case wire::FrameKind::ping:
      return send(wire::encode_pong({wire::decode_ping(frame)->nonce, epoch}));
    case wire::FrameKind::request:
      break;
    default:
      return;
  }
  if (!process.sessions.contains(peer)) return send(wire::encode_reject({ErrorCode::hello_required, {}}));
  auto reader = wire::RequestReader::open(frame).value();
  if (reader.header().target != process.incarnation) return send(wire::encode_reject({ErrorCode::wrong_incarnation, {}}));
  ++frames;
  largest_batch = std::max(largest_batch.load(), static_cast<int>(reader.header().count));
  wire::ReplyWriter writer;
  wire::Request request;
  while (reader.next(request).value() == wire::Next::good) {
    ++requests;
    std::optional<Reply> reply;
    if (request.op == wire::Op::view && view) {
      reply = Reply{};
      if (wire::decode_view_args(request.args).value().have < view->epoch()) reply->payload = encode(*view);
    } else {
      reply = handler_(request);
    }
    if (!reply) continue;
    wire::Reply out;
    out.id = request.id;
    out.code = reply->code;
    out.fence = reply->fence;
    out.started = reply->started;
    out.payload = reply->payload;
    out.text = reply->text;
    out.owner = reply->owner;
    if (!writer.add(out)) {
      send(writer.finish(epoch, process.incarnation));
      writer.clear();
      if (!writer.add(out)) throw std::logic_error("one reply does not fit");
    }
  }
  if (!writer.empty()) send(writer.finish(epoch, process.incarnation));
}

FakeCluster::FakeCluster(int count, const std::function<FakeNode::Handler(const std::string& id)>& handler) {
  std::vector<Member> members;
  for (int i = 1; i <= count; ++i) {
    const std::string id = "n" + std::to_string(i);
    nodes.push_back(std::make_unique<FakeNode>(id, handler(id)));
    members.push_back({NodeId{id}, Incarnation{}, nodes.back()->address(), 1, {}, MemberState::up});
  }
  view = std::make_shared<const View>(fixed_view("test", 42, members).value());
  for (auto& node : nodes) node->set_view(view);
}

FakeNode& FakeCluster::node(const std::string& id) {
  for (auto& node : nodes) {
    if (node->id() == id) return *node;
  }
  throw std::out_of_range(id);
}

std::vector<std::string> FakeCluster::addresses() const {
  std::vector<std::string> out;
  for (const auto& node : nodes) out.push_back(node->address());
  return out;
}
