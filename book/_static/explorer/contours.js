((e)=>{})(globalThis.darkExplorer ??= {});
