//! Generates the calculator into `OUT_DIR`, where `src/calculator.rs` includes it.

fn main() -> Result<(), rpcnet_gen::GenerateError> {
    rpcnet_gen::Builder::new()
        .input("definitions/calculator.rpc.rs")
        .build()?;
    Ok(())
}
