//! The Rust SDK, with the command line of every peer program.

mod client;
mod exchange;
mod server;

/// The command line.
pub struct Options {
    pub role: String,
    pub wire: String,
    pub mode: String,
    pub era: String,
    pub path: String,
    pub skip: Vec<String>,
    pub target: Vec<String>,
}

pub type Failure = Box<dyn std::error::Error + Send + Sync>;

fn parse(mut args: impl Iterator<Item = String>) -> Options {
    let mut options = Options {
        role: args.next().unwrap_or_default(),
        wire: args.next().unwrap_or_default(),
        mode: String::new(),
        era: "legacy".into(),
        path: String::new(),
        skip: vec![],
        target: vec![],
    };
    while let Some(name) = args.next() {
        if name == "--" {
            options.target = args.collect();
            break;
        }
        let value = args.next().unwrap_or_default();
        match name.as_str() {
            "--mode" => options.mode = value,
            "--era" => options.era = value,
            "--path" => options.path = value,
            "--skip" => options.skip = value.split(',').map(String::from).collect(),
            _ => {}
        }
    }
    options
}

// The SDK starts a task for each notification. One thread keeps their order.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let options = parse(std::env::args().skip(1));
    if options.role == "server" {
        return server::serve(options).await;
    }
    let (result, code) = match client::run(&options).await {
        Ok(protocol) => (serde_json::json!({ "ok": true, "protocol": protocol }), 0),
        Err(error) => (serde_json::json!({ "ok": false, "error": error.to_string() }), 1),
    };
    println!("{result}");
    std::process::exit(code)
}
