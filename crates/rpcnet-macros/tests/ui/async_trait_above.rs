#[rpcnet_macros::service]
trait Calculator {
    fn add<'life0, 'async_trait>(
        &'life0 self,
        a: i64,
    ) -> ::core::pin::Pin<
        Box<dyn ::core::future::Future<Output = Result<i64, MathError>> + ::core::marker::Send + 'async_trait>,
    >
    where
        'life0: 'async_trait,
        Self: 'async_trait;
    fn reset<'life0, 'async_trait>(
        &'life0 self,
    ) -> ::core::pin::Pin<
        Box<dyn ::core::future::Future<Output = Result<(), MathError>> + ::core::marker::Send + 'async_trait>,
    >
    where
        'life0: 'async_trait,
        Self: 'async_trait;
}

fn main() {}
